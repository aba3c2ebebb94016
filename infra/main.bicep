// Postern in a subscription: a resource group with the app and what it needs, and its roles in each subscription that it
// guards. Read top-down: what can be chosen, then one module after the other, each with one idea.
//
//   az deployment sub create --name postern --location <region> --template-file infra/main.bicep --parameters infra/main.bicepparam
targetScope = 'subscription'

@description('A virtual network whose flows are logged: its resource id and its region.')
type loggedNetwork = { id: string, location: string }

@description('Instances that never sleep, for a group of functions (`http`) or one function (`function:closings`).')
type readyInstances = { name: string, instanceCount: int }

// What it is called and where it is.

@description('What names begin with: lower-case letters, digits and hyphens.')
@minLength(3)
@maxLength(20)
param name string = 'postern'

@description('Region of everything that is made; the subscription\'s machines may be elsewhere.')
param location string = deployment().location

@description('Resource group to make.')
@minLength(1)
@maxLength(90)
param resourceGroupName string = 'rg-${name}'

@description('Tags of everything that is made.')
param tags object = {}

// Who may sign in, and what is guarded.

@description('Client id of the app registration that `scripts/register_app.py` made.')
@minLength(36)
@maxLength(36)
param signInClientId string

@description('Audiences that a token may be made out to.')
param audiences string[] = ['api://${signInClientId}', signInClientId]

@description('Client ids of the only applications that may bring tokens, besides the portal; empty for any that has a role.')
param clientApplications string[] = []

@description('Ids of the subscriptions whose machines are guarded; empty for the one that is deployed to.')
param guardedSubscriptions string[] = []

@description('What the app may do besides writing single rules; docs/permissions.md says what goes without each. Whoever may guard hosts owns them.')
param permissions { createNsg: bool, flush: bool, readFlowLogs: bool, guardHosts: bool } = {
  createNsg: true
  flush: true
  readFlowLogs: true
  guardHosts: false
}

// How Postern behaves: docs/settings.md.

@description('Where the app is reached, if not under its own name: `https://…`.')
param address string = ''

@description('The shortest access that may be asked for, in minutes and seconds.')
param shortestDuration string = 'PT5M'

@description('How long the list of machines is used again.')
param inventoryAge string = 'PT1M'

@description('From how many attempts on somebody who gets in is told of.')
@minValue(1)
param attempts int = 50

@description('How long before its end a grant is told to be ending soon.')
param endingSoon string = 'PT10M'

@description('Price of a node and month that costs are told by, such as 14.60; empty for the default, which is not of a price list.')
param nodePrice string = ''

@description('Currency of that price, such as EUR; empty for that of the default.')
param nodeCurrency string = ''

@description('What Postern itself costs in a month, in the same currency; empty where nobody says.')
param ownCost string = ''

@description('AWS accounts and regions whose instances are guarded, as account:region or account:region:role. The package must hold what that needs.')
param awsAccounts string[] = []

@description('Application ID URI that stands for AWS in Entra ID; needed with accounts of AWS.')
param awsAudience string = ''

@description('Hosts that may be told anything; with none, nobody is told.')
param webhookHosts string[] = []

@description('Prefixes of addresses in your own network that may be told.')
param webhookPrefixes string[] = []

@description('Resource id of the key vault with the secrets below; empty for none.')
param keyVaultId string = ''

@description('Name of the vault\'s secret with what signs messages (`POSTERN_WEBHOOK_SECRETS`); needed where hosts are named.')
param webhookSecretName string = ''

@description('Name of the vault\'s secret with who is always told (`POSTERN_NOTIFICATIONS`).')
param notificationsSecretName string = ''

@description('Address of Log Analytics, where it is not that of the public cloud.')
param logsEndpoint string = ''

// How large it is.

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Requests that one instance serves at once.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 32

@description('The most instances.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Instances that never sleep. Without one for `function:closings`, an access may be closed by the sweep of the next minute.')
param alwaysReady readyInstances[] = [{ name: 'function:closings', instanceCount: 1 }]

@description('Whether app and data are spread over three zones of the region.')
param zoneRedundant bool = false

// What it logs, and who is told when it is silent.

@description('Resource id of a Log Analytics workspace to use; empty for a new one.')
param workspaceId string = ''

@description('How many days a new workspace keeps what is written to it.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 90

@description('E-mail addresses that alerts go to.')
param alertEmails string[] = []

@description('Whether the administrative activity log of the guarded subscriptions goes to the workspace.')
param exportActivityLog bool = true

@description('Virtual networks whose flows are logged; each in a guarded subscription.')
param loggedNetworks loggedNetwork[] = []

@description('How many days raw flow logs are kept.')
@minValue(1)
@maxValue(365)
param flowLogDays int = 30

// How private it is.

@description('Whether storage is reached through private endpoints only, from a virtual network of the app\'s own.')
param privateNetworking bool = false

@description('Whether the app, too, is reached through a private endpoint only. Needs `privateNetworking`.')
param privateApp bool = false

@description('Addresses of that network: a /24 or larger.')
param addressPrefix string = '10.90.0.0/24'

// Approval in Teams: docs/teams.md.

@description('Id of the Teams team that requests are shown to; empty for none.')
param teamId string = ''

@description('Id of the channel in that team.')
param channelId string = ''

var token = uniqueString(subscription().id, name, location)
var allTags = union(tags, { 'azd-env-name': name })
var guarded = empty(guardedSubscriptions) ? [subscription().subscriptionId] : guardedSubscriptions
var storageServices = ['blob', 'queue', 'table']
var storageZones = map(storageServices, service => 'privatelink.${service}.${environment().suffixes.storage}')
var appZone = 'privatelink.azurewebsites.net'
var isAppPrivate = privateNetworking && privateApp
var flowLogRegions = union(map(loggedNetworks, logged => logged.location), [])
var hasVault = !empty(keyVaultId)
// Without a vault the parts are those of any well-formed id; what is made of them is not deployed then.
var vaultParts = split(hasVault ? keyVaultId : '${subscription().id}/resourceGroups/none/none', '/')
// Where the workspace is, as far as that can be said before there is one.
var workspaceParts = split(empty(workspaceId) ? '${subscription().id}/resourceGroups/${resourceGroupName}' : workspaceId, '/')
var hasApprovals = !empty(teamId)
var vaultReference = '@Microsoft.KeyVault(VaultName=${last(vaultParts)};SecretName='

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: 'id-${name}', location: location, tags: allTags }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: 'st${take(replace(name, '-', ''), 9)}${token}'
    location: location
    tags: allTags
    zoneRedundant: zoneRedundant
    publicAccess: !privateNetworking
    principalId: identity.outputs.principalId
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    name: 'appi-${name}'
    workspaceName: 'log-${name}'
    location: location
    tags: allTags
    workspaceId: workspaceId
    retentionInDays: retentionInDays
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  scope: group
  params: {
    name: 'vnet-${name}'
    location: location
    tags: allTags
    addressPrefix: addressPrefix
    zones: isAppPrivate ? union(storageZones, [appZone]) : storageZones
  }
}

module storageEndpoints 'modules/private-endpoint.bicep' = [
  for (service, index) in storageServices: if (privateNetworking) {
    scope: group
    params: {
      name: 'pe-${name}-${service}'
      location: location
      tags: allTags
      subnetId: network!.outputs.endpointSubnetId
      targetId: storage.outputs.id
      service: service
      zone: storageZones[index]
    }
  }
]

module app 'modules/app.bicep' = {
  scope: group
  // The host starts with its storage within reach, and its settings are read when the vault already lets it in.
  dependsOn: [storageEndpoints, vaultAccess]
  params: {
    name: '${name}-${token}'
    planName: 'plan-${name}'
    location: location
    tags: allTags
    identity: { id: identity.outputs.id, clientId: identity.outputs.clientId }
    storage: { endpoints: storage.outputs.endpoints, releases: storage.outputs.releases }
    componentName: monitoring.outputs.componentName
    publicAccess: !isAppPrivate
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    alwaysReady: alwaysReady
    scale: {
      memoryMB: instanceMemoryMB
      httpConcurrency: httpConcurrency
      maximumInstances: maximumInstances
      zoneRedundant: zoneRedundant
    }
    settings: {
      AZURE_TENANT_ID: subscription().tenantId
      POSTERN_ADDRESS: address
      POSTERN_ARM_ENDPOINT: environment().resourceManager
      POSTERN_ATTEMPTS: string(attempts)
      POSTERN_AWS: join(awsAccounts, ',')
      POSTERN_AWS_AUDIENCE: awsAudience
      POSTERN_ENDING_SOON: endingSoon
      POSTERN_IDENTITY: identity.outputs.principalId
      POSTERN_INVENTORY_AGE: inventoryAge
      POSTERN_LOGS_ENDPOINT: logsEndpoint
      POSTERN_NODE_CURRENCY: nodeCurrency
      POSTERN_NODE_PRICE: nodePrice
      POSTERN_NOTIFICATIONS: hasVault && !empty(notificationsSecretName)
        ? '${vaultReference}${notificationsSecretName})'
        : ''
      POSTERN_OWN_COST: ownCost
      POSTERN_SHORTEST_DURATION: shortestDuration
      POSTERN_SUBSCRIPTIONS: join(guarded, ',')
      POSTERN_TRUST_EASY_AUTH: 'true'
      POSTERN_WEBHOOK_HOSTS: join(webhookHosts, ',')
      POSTERN_WEBHOOK_PREFIXES: join(webhookPrefixes, ',')
      POSTERN_WEBHOOK_SECRETS: hasVault && !empty(webhookSecretName) ? '${vaultReference}${webhookSecretName})' : ''
      POSTERN_WORKSPACE: monitoring.outputs.workspace.customerId
    }
  }
}

module signIn 'modules/sign-in.bicep' = {
  scope: group
  params: {
    appName: app.outputs.name
    clientId: signInClientId
    audiences: audiences
    clientApplications: clientApplications
  }
}

module appEndpoint 'modules/private-endpoint.bicep' = if (isAppPrivate) {
  scope: group
  params: {
    name: 'pe-${name}-app'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: app.outputs.id
    service: 'sites'
    zone: appZone
  }
}

module vaultAccess 'modules/vault-access.bicep' = if (hasVault) {
  scope: resourceGroup(vaultParts[2], vaultParts[4])
  params: { vaultName: last(vaultParts), principalId: identity.outputs.principalId }
}

module roles 'modules/roles.bicep' = [
  for id in guarded: {
    scope: subscription(id)
    params: { principalId: identity.outputs.principalId, enable: permissions }
  }
]

module workspaceAccess 'modules/workspace-access.bicep' = {
  scope: resourceGroup(workspaceParts[2], workspaceParts[4])
  params: {
    workspaceName: last(split(monitoring.outputs.workspace.id, '/'))
    principalId: identity.outputs.principalId
  }
}

module activityLogs 'modules/activity-log.bicep' = [
  for id in guarded: if (exportActivityLog) {
    scope: subscription(id)
    params: { workspaceId: monitoring.outputs.workspace.id }
  }
]

module flowLogStorage 'modules/flow-log-storage.bicep' = [
  for region in flowLogRegions: {
    scope: group
    params: {
      name: 'stflow${uniqueString(subscription().id, name, region)}'
      location: region
      tags: allTags
      retentionInDays: flowLogDays
    }
  }
]

module flowLogs 'modules/flow-logs.bicep' = [
  for logged in loggedNetworks: {
    scope: resourceGroup(split(logged.id, '/')[2], 'NetworkWatcherRG')
    params: {
      networkId: logged.id
      location: logged.location
      tags: allTags
      storage: {
        id: flowLogStorage[indexOf(flowLogRegions, logged.location)].outputs.id
        identityId: flowLogStorage[indexOf(flowLogRegions, logged.location)].outputs.identityId
      }
      workspace: monitoring.outputs.workspace
      retentionInDays: flowLogDays
    }
  }
]

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    prefix: name
    location: location
    tags: allTags
    componentId: monitoring.outputs.componentId
    emails: alertEmails
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    title: name
    location: location
    tags: allTags
    componentId: monitoring.outputs.componentId
    workspaceId: monitoring.outputs.workspace.id
  }
}

module approvals 'modules/approvals.bicep' = if (hasApprovals) {
  scope: group
  params: {
    name: 'logic-${name}-approvals'
    location: location
    tags: allTags
    address: empty(address) ? app.outputs.address : address
    audience: audiences[0]
    teamId: teamId
    channelId: channelId
  }
}

@description('Where the portal and the API are.')
output address string = empty(address) ? app.outputs.address : address

@description('Name of the function app, for deploying the package.')
output appName string = app.outputs.name

@description('Resource group of everything.')
output resourceGroupName string = group.name

@description('Object id of the app\'s identity, which `scripts/register_app.py` is told.')
output identityPrincipalId string = identity.outputs.principalId

@description('Client id of the app\'s identity.')
output identityClientId string = identity.outputs.clientId

@description('Id (a GUID) of the workspace with the logs.')
output workspaceCustomerId string = monitoring.outputs.workspace.customerId

@description('Object id of the identity that asks in Teams, which gets the role Relay; empty without Teams.')
output approvalsPrincipalId string = hasApprovals ? approvals!.outputs.principalId : ''

@description('Name of the connection to Teams, which somebody has to consent to; empty without Teams.')
output approvalsConnectionName string = hasApprovals ? approvals!.outputs.connectionName : ''
