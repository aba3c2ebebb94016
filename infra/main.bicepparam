// What main.bicep is told, read from the environment: that of `azd`, of a pipeline, or of your shell. Entries of lists are
// separated by commas. For what does not fit in there, copy this file and write the values into it.
//
// What the environment says is known while this is compiled, so that a part of an entry which lacks, as in an empty list,
// is an error of its own: parts behind the first are not taken by their number.
using 'main.bicep'

var called = readEnvironmentVariable('AZURE_ENV_NAME', 'postern')
var clientId = readEnvironmentVariable('POSTERN_CLIENT_ID')

param name = called
param location = readEnvironmentVariable('AZURE_LOCATION')
param resourceGroupName = readEnvironmentVariable('POSTERN_RESOURCE_GROUP', 'rg-${called}')
param tags = toObject(
  filter(split(readEnvironmentVariable('POSTERN_TAGS', ''), ','), one => !empty(one)),
  one => split(one, '=')[0],
  one => join(skip(split(one, '='), 1), '=')
)

param signInClientId = clientId
param audiences = filter(
  split(readEnvironmentVariable('POSTERN_AUDIENCES', 'api://${clientId},${clientId}'), ','),
  one => !empty(one)
)
param clientApplications = filter(split(readEnvironmentVariable('POSTERN_CLIENT_APPLICATIONS', ''), ','), one => !empty(one))
param guardedSubscriptions = filter(split(readEnvironmentVariable('POSTERN_SUBSCRIPTIONS', ''), ','), one => !empty(one))
param permissions = {
  createNsg: bool(readEnvironmentVariable('POSTERN_MAY_CREATE_NSG', 'true'))
  flush: bool(readEnvironmentVariable('POSTERN_MAY_FLUSH', 'true'))
  readFlowLogs: bool(readEnvironmentVariable('POSTERN_MAY_READ_FLOW_LOGS', 'true'))
  guardHosts: bool(readEnvironmentVariable('POSTERN_MAY_GUARD_HOSTS', 'false'))
}

param address = readEnvironmentVariable('POSTERN_ADDRESS', '')
param shortestDuration = readEnvironmentVariable('POSTERN_SHORTEST_DURATION', 'PT5M')
param inventoryAge = readEnvironmentVariable('POSTERN_INVENTORY_AGE', 'PT1M')
param attempts = int(readEnvironmentVariable('POSTERN_ATTEMPTS', '50'))
param endingSoon = readEnvironmentVariable('POSTERN_ENDING_SOON', 'PT10M')
param nodePrice = readEnvironmentVariable('POSTERN_NODE_PRICE', '')
param nodeCurrency = readEnvironmentVariable('POSTERN_NODE_CURRENCY', '')
param ownCost = readEnvironmentVariable('POSTERN_OWN_COST', '')
param awsAccounts = filter(split(readEnvironmentVariable('POSTERN_AWS', ''), ','), one => !empty(one))
param awsAudience = readEnvironmentVariable('POSTERN_AWS_AUDIENCE', '')
param webhookHosts = filter(split(readEnvironmentVariable('POSTERN_WEBHOOK_HOSTS', ''), ','), one => !empty(one))
param webhookPrefixes = filter(split(readEnvironmentVariable('POSTERN_WEBHOOK_PREFIXES', ''), ','), one => !empty(one))
param keyVaultId = readEnvironmentVariable('POSTERN_KEY_VAULT', '')
param webhookSecretName = readEnvironmentVariable('POSTERN_WEBHOOK_SECRET_NAME', '')
param notificationsSecretName = readEnvironmentVariable('POSTERN_NOTIFICATIONS_SECRET_NAME', '')
param logsEndpoint = readEnvironmentVariable('POSTERN_LOGS_ENDPOINT', '')

param instanceMemoryMB = int(readEnvironmentVariable('POSTERN_INSTANCE_MEMORY', '2048'))
param httpConcurrency = int(readEnvironmentVariable('POSTERN_HTTP_CONCURRENCY', '32'))
param maximumInstances = int(readEnvironmentVariable('POSTERN_MAXIMUM_INSTANCES', '40'))
param alwaysReady = map(
  filter(split(readEnvironmentVariable('POSTERN_ALWAYS_READY', 'function:closings=1'), ','), one => !empty(one)),
  one => { name: split(one, '=')[0], instanceCount: int(last(split(one, '='))) }
)
param zoneRedundant = bool(readEnvironmentVariable('POSTERN_ZONE_REDUNDANT', 'false'))

param workspaceId = readEnvironmentVariable('POSTERN_WORKSPACE_ID', '')
param retentionInDays = int(readEnvironmentVariable('POSTERN_RETENTION_DAYS', '90'))
param alertEmails = filter(split(readEnvironmentVariable('POSTERN_ALERT_EMAILS', ''), ','), one => !empty(one))
param exportActivityLog = bool(readEnvironmentVariable('POSTERN_EXPORT_ACTIVITY_LOG', 'true'))
// Each as <region>=<resource id>.
param loggedNetworks = map(
  filter(split(readEnvironmentVariable('POSTERN_LOGGED_NETWORKS', ''), ','), one => !empty(one)),
  one => { id: last(split(one, '=')), location: split(one, '=')[0] }
)
param flowLogDays = int(readEnvironmentVariable('POSTERN_FLOW_LOG_DAYS', '30'))

param privateNetworking = bool(readEnvironmentVariable('POSTERN_PRIVATE_NETWORKING', 'false'))
param privateApp = bool(readEnvironmentVariable('POSTERN_PRIVATE_APP', 'false'))
param addressPrefix = readEnvironmentVariable('POSTERN_ADDRESS_PREFIX', '10.90.0.0/24')

param teamId = readEnvironmentVariable('POSTERN_TEAM', '')
param channelId = readEnvironmentVariable('POSTERN_CHANNEL', '')
