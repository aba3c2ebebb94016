// The roles of modules/roles.bicep once for a management group: they hold in every subscription below it, also in those
// that come later. The app still guards only the subscriptions that it is told of.
//
//   az deployment mg create --management-group-id <id> --location <region> --template-file infra/roles-at-management-group.bicep --parameters principalId=<object id>
targetScope = 'managementGroup'

@description('Object id of the identity that the app acts under: output `identityPrincipalId` of main.bicep.')
param principalId string

@description('What it may do besides seeing machines and writing single rules: make groups for machines that have none, write groups as a whole (which ends sessions), see which networks have flow logs, and run its script on servers of Azure Arc.')
param enable { createNsg: bool, flush: bool, readFlowLogs: bool, guardHosts: bool } = {
  createNsg: false
  flush: false
  readFlowLogs: false
  guardHosts: false
}

var roles = [
  { role: loadJsonContent('roles/lock-and-grant.json'), enabled: true }
  { role: loadJsonContent('roles/create-nsg.json'), enabled: enable.createNsg }
  { role: loadJsonContent('roles/flush.json'), enabled: enable.flush }
  { role: loadJsonContent('roles/read-flow-logs.json'), enabled: enable.readFlowLogs }
  { role: loadJsonContent('roles/guard-hosts.json'), enabled: enable.guardHosts }
]

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for one in roles: if (one.enabled) {
    name: guid(managementGroup().id, one.role.name)
    properties: {
      // The name of a custom role is unique in its tenant.
      roleName: '${one.role.name} (${managementGroup().name})'
      description: one.role.description
      type: 'CustomRole'
      permissions: [
        { actions: one.role.actions, notActions: one.role.notActions, dataActions: one.role.dataActions }
      ]
      assignableScopes: [managementGroup().id]
    }
  }
]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (one, index) in roles: if (one.enabled) {
    name: guid(managementGroup().id, principalId, one.role.name)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: definitions[index].id
      description: one.role.description
    }
  }
]
