// A workflow that asks in a Teams channel who waits for approval, and brings the answers to the app.
// Its identity needs the app role Postern.Relay, and its connection the consent of somebody in the team: docs/teams.md.

@description('The name of the workflow.')
param name string

@description('Where it runs.')
param location string

@description('Tags of all that is made here.')
param tags object = {}

@description('Where the app is reached, https:// and its host, without a slash at the end.')
param address string

@description('What tokens for the app are made out to: its Application ID URI, or client id, as the app expects it.')
param audience string

@description('The id of the team: a GUID.')
param teamId string

@description('The id of the channel, 19:...@thread.tacv2.')
param channelId string

@description('The tenant whose people may answer.')
param tenantId string = tenant().tenantId

var teamsApi = subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'teams')

// Made without consent: Azure knows no way to give that in a template.
resource teams 'Microsoft.Web/connections@2016-06-01' = {
  name: '${name}-teams'
  location: location
  tags: tags
  properties: {
    displayName: 'Teams, for approvals'
    api: {
      id: teamsApi
    }
  }
}

resource approvals 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    state: 'Enabled'
    definition: loadJsonContent('../workflows/approvals.json')
    parameters: {
      '$connections': {
        value: {
          teams: {
            connectionId: teams.id
            connectionName: teams.name
            id: teamsApi
          }
        }
      }
      address: {
        value: address
      }
      audience: {
        value: audience
      }
      tenant: {
        value: tenantId
      }
      team: {
        value: teamId
      }
      channel: {
        value: channelId
      }
    }
  }
}

@description('The object id of the workflow\'s identity, which is to get the app role Postern.Relay.')
output principalId string = approvals.identity.principalId

@description('The name of the connection that waits for consent.')
output connectionName string = teams.name
