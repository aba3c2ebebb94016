// The flow log of one virtual network, with Traffic Analytics every ten minutes. It is deployed into the resource group
// of the Network Watcher, which Azure makes by itself in each region that has a network.

@description('Resource id of the virtual network.')
param networkId string

@description('Region of the virtual network.')
param location string

@description('Tags of the flow log.')
param tags object

@description('Where the raw logs go, in the same region: resource ids of the account and of the identity that writes.')
param storage { id: string, identityId: string }

@description('The workspace: resource id, its own id (a GUID), and region.')
param workspace { id: string, customerId: string, location: string }

@description('How many days raw flow logs are kept.')
param retentionInDays int

resource watcher 'Microsoft.Network/networkWatchers@2025-01-01' existing = {
  name: 'NetworkWatcher_${location}'
}

resource flowLog 'Microsoft.Network/networkWatchers/flowLogs@2025-01-01' = {
  parent: watcher
  name: 'postern-${take(last(split(networkId, '/')), 50)}-${uniqueString(networkId)}'
  location: location
  tags: tags
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${storage.identityId}': {} } }
  properties: {
    enabled: true
    targetResourceId: networkId
    storageId: storage.id
    format: { type: 'JSON', version: 2 }
    retentionPolicy: { enabled: true, days: retentionInDays }
    flowAnalyticsConfiguration: {
      networkWatcherFlowAnalyticsConfiguration: {
        enabled: true
        trafficAnalyticsInterval: 10
        workspaceId: workspace.customerId
        workspaceRegion: workspace.location
        workspaceResourceId: workspace.id
      }
    }
  }
}
