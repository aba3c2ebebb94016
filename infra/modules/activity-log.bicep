// The administrative activity log of one subscription, sent to the workspace: it tells who else changed rules.
targetScope = 'subscription'

@description('Resource id of the workspace.')
param workspaceId string

resource setting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'postern'
  properties: { workspaceId: workspaceId, logs: [{ category: 'Administrative', enabled: true }] }
}
