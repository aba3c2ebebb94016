// A private endpoint: one service of one resource gets an address in the virtual network, and a name for it.

@description('Name of the private endpoint.')
param name string

@description('Region of the virtual network.')
param location string

@description('Tags of the private endpoint.')
param tags object

@description('Resource id of the subnet.')
param subnetId string

@description('Resource id of what is to be reached.')
param targetId string

@description('Which service of it: `blob`, `queue`, `table` or `sites`.')
param service string

@description('Name of the private DNS zone in this resource group.')
param zone string

resource dnsZone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zone
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: service, properties: { privateLinkServiceId: targetId, groupIds: [service] } }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-01-01' = {
  parent: endpoint
  name: 'default'
  properties: { privateDnsZoneConfigs: [{ name: service, properties: { privateDnsZoneId: dnsZone.id } }] }
}
