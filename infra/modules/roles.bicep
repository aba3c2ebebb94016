// What the app's identity may do in a subscription that it guards: one custom role for each thing that can be left out,
// from infra/roles/*.json, which the tests hold against what the app really calls. docs/permissions.md has them all.
targetScope = 'subscription'

@description('Object id of the identity that the app acts under.')
param principalId string

@description('What it may do besides seeing machines and writing single rules: make groups for machines that have none, write groups as a whole (which ends sessions), see which networks have flow logs, and run its script on servers of Azure Arc.')
param enable { createNsg: bool, flush: bool, readFlowLogs: bool, guardHosts: bool } = {
  createNsg: false
  flush: false
  readFlowLogs: false
  guardHosts: false
}

var roles = [
  { role: loadJsonContent('../roles/lock-and-grant.json'), enabled: true }
  { role: loadJsonContent('../roles/create-nsg.json'), enabled: enable.createNsg }
  { role: loadJsonContent('../roles/flush.json'), enabled: enable.flush }
  { role: loadJsonContent('../roles/read-flow-logs.json'), enabled: enable.readFlowLogs }
  { role: loadJsonContent('../roles/guard-hosts.json'), enabled: enable.guardHosts }
]

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for one in roles: if (one.enabled) {
    name: guid(subscription().id, one.role.name)
    properties: {
      // The name of a custom role is unique in its tenant.
      roleName: '${one.role.name} (${subscription().subscriptionId})'
      description: one.role.description
      type: 'CustomRole'
      permissions: [
        { actions: one.role.actions, notActions: one.role.notActions, dataActions: one.role.dataActions }
      ]
      assignableScopes: [subscription().id]
    }
  }
]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (one, index) in roles: if (one.enabled) {
    name: guid(subscription().id, principalId, one.role.name)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: definitions[index].id
      description: one.role.description
    }
  }
]
