// The identity under which Postern acts on Azure. It is assigned to the function app and to nothing else: whoever holds
// it can open machines, and Entra ID takes its word for the app registration (see sign-in.bicep).

@description('Name of the user-assigned identity.')
param name string

@description('Region of the identity.')
param location string

@description('Tags of the identity.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id, for whatever the identity is assigned to.')
output id string = identity.id

@description('Client id (application id), by which the app picks the identity.')
output clientId string = identity.properties.clientId

@description('Object id of the service principal, which roles are assigned to.')
output principalId string = identity.properties.principalId
