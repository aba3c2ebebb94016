// A virtual network for the app: one subnet that it goes out through, one for private endpoints, and the private DNS
// zones under which those are found.

@description('Name of the virtual network.')
param name string

@description('Region of the virtual network.')
param location string

@description('Tags of what is made here.')
param tags object

@description('Addresses of the virtual network: a /24 or larger.')
param addressPrefix string

@description('Names of the private DNS zones.')
param zones string[]

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [{ name: 'app', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 27, 2)
          defaultOutboundAccess: false
        }
      }
    ]
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in zones: {
    parent: dnsZones[index]
    name: name
    location: 'global'
    tags: union(tags, { zone: zone })
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

@description('Resource id of the subnet that the app goes out through.')
output appSubnetId string = network.properties.subnets[0].id

@description('Resource id of the subnet for private endpoints.')
output endpointSubnetId string = network.properties.subnets[1].id
