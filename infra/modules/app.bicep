// The function app on a Flex Consumption plan. Each connection of it, the host's included, is made with the identity.

@description('Name of the function app, which is also the first part of its address.')
param name string

@description('Name of the plan.')
param planName string

@description('Region of app and plan.')
param location string

@description('Tags of app and plan.')
param tags object

@description('The identity: resource id and client id.')
param identity { id: string, clientId: string }

@description('Addresses of the storage account: services blob, queue and table, and the container of packages.')
param storage { endpoints: object, releases: string }

@description('Name of the Application Insights component in this resource group.')
param componentName string

@description('Postern\'s own settings. What is empty is left out, so that the app\'s default holds.')
param settings object

@description('Memory of an instance, requests that one instance serves at once, and the most instances.')
param scale { memoryMB: int, httpConcurrency: int, maximumInstances: int, zoneRedundant: bool }

@description('Instances that never sleep, by group (`http`) or function (`function:closings`).')
param alwaysReady { name: string, instanceCount: int }[]

@description('Whether the app may be reached from the Internet.')
param publicAccess bool

@description('Resource id of the subnet that the app goes out through; empty for none.')
param subnetId string

var hostSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  AZURE_CLIENT_ID: identity.clientId
  AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
  AzureWebJobsDisableHomepage: 'true'
  AzureWebJobsStorage__blobServiceUri: storage.endpoints.blob
  AzureWebJobsStorage__clientId: identity.clientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: storage.endpoints.queue
  AzureWebJobsStorage__tableServiceUri: storage.endpoints.table
  // Instead of a secret, the sign-in shows Entra ID a token of this identity.
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identity.clientId
  WEBSITE_AUTH_AAD_ALLOWED_TENANTS: tenant().tenantId
}
var filled = filter(items(union(hostSettings, settings)), setting => !empty(setting.value))

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: scale.zoneRedundant }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    clientAffinityEnabled: false
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: storage.releases
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      scaleAndConcurrency: {
        alwaysReady: alwaysReady
        instanceMemoryMB: scale.memoryMB
        maximumInstanceCount: scale.maximumInstances
        // Unless told, an instance of a Python app serves one request at a time, and each further one starts another.
        triggers: { http: { perInstanceConcurrency: scale.httpConcurrency } }
      }
    }
    siteConfig: {
      appSettings: map(filled, setting => { name: setting.key, value: setting.value })
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      remoteDebuggingEnabled: false
      scmMinTlsVersion: '1.2'
    }
  }
}

resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = [
  for way in ['ftp', 'scm']: {
    parent: app
    name: way
    properties: { allow: false }
  }
]

@description('Resource id of the app.')
output id string = app.id

@description('Name of the app.')
output name string = app.name

@description('Where the app is reached.')
output address string = 'https://${app.properties.defaultHostName}'
