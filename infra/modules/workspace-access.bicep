// Lets the app's identity query the workspace with flows and sign-ins, and of its tables only those that the activity is
// drawn from (infra/roles/read-logs.json): without it, nothing is known of who tried.

@description('Name of the workspace, in the resource group that this is deployed to.')
param workspaceName string

@description('Object id of the identity that reads.')
param principalId string

var role = loadJsonContent('../roles/read-logs.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(workspace.id, role.name)
  properties: {
    // The name of a custom role is unique in its tenant.
    roleName: '${role.name} (${uniqueString(workspace.id)})'
    description: role.description
    type: 'CustomRole'
    permissions: [{ actions: role.actions, notActions: role.notActions, dataActions: role.dataActions }]
    assignableScopes: [resourceGroup().id]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, principalId, role.name)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definition.id
    description: role.description
  }
}
