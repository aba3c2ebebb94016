// Where the app tells what it does: Application Insights on a Log Analytics workspace, a new one or yours.
// Nobody writes to it with a key: the app's identity is a publisher of metrics, and local authentication is off.

@description('Name of the Application Insights component.')
param name string

@description('Name of the workspace, where none is given.')
param workspaceName string

@description('Region of what is made here.')
param location string

@description('Tags of what is made here.')
param tags object

@description('Resource id of the workspace to use; empty for a new one.')
param workspaceId string

@description('How many days a new workspace keeps what is written to it.')
param retentionInDays int

@description('Object id of the identity that writes.')
param principalId string

var isNew = empty(workspaceId)
// With a new workspace the parts below are those of its own id, so that they are well formed either way.
var parts = split(isNew ? resourceId('Microsoft.OperationalInsights/workspaces', workspaceName) : workspaceId, '/')
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource made 'Microsoft.OperationalInsights/workspaces@2025-07-01' = if (isNew) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    retentionInDays: retentionInDays
    sku: { name: 'PerGB2018' }
  }
}

resource given 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = if (!isNew) {
  scope: resourceGroup(parts[2], parts[4])
  name: last(parts)
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: isNew ? made.id : given.id
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, principalId, metricsPublisher)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

@description('Name of the component, by which app.bicep finds it: its connection string is no output.')
output componentName string = component.name

@description('Resource id of the component.')
output componentId string = component.id

@description('The workspace: its resource id, its own id (a GUID), and its region.')
output workspace { id: string, customerId: string, location: string } = {
  id: isNew ? made.id : given.id
  customerId: isNew ? made!.properties.customerId : given!.properties.customerId
  location: isNew ? made!.location : given!.location
}
