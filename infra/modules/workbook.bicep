// A page in Azure Monitor: who asks for access, how punctually it ends, and who tries to get in.

@description('Title of the workbook.')
param title string

@description('Region of the workbook.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Resource id of the Application Insights component: what the app has logged.')
param componentId string

@description('Resource id of the workspace with the flow logs: who tried.')
param workspaceId string

var page = loadTextContent('../workbook.json')

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'postern')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: title
    serializedData: replace(replace(page, '<component>', componentId), '<workspace>', workspaceId)
    sourceId: componentId
    version: 'Notebook/1.0'
  }
}
