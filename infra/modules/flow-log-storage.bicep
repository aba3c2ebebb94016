// Where Network Watcher puts the raw flow logs of one region before Traffic Analytics reads them. Azure wants the account
// in the region of the networks. It knows no keys either: an identity of its own writes to it, and to nothing else.

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region of the networks.')
param location string

@description('Tags of what is made here.')
param tags object

@description('How many days raw flow logs are kept.')
param retentionInDays int

var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}'
  location: location
  tags: tags
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Network Watcher comes in as a trusted service of Azure; nobody else does.
    networkAcls: { bypass: 'AzureServices', defaultAction: 'Deny' }
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'forget'
          type: 'Lifecycle'
          definition: {
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: retentionInDays } } }
            filters: { blobTypes: ['blockBlob'] }
          }
        }
      ]
    }
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, identity.id, blobDataContributor)
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Resource id of the identity that writes.')
output identityId string = identity.id
