// What somebody is told of by Azure Monitor, apart from Postern itself: it must be heard of when Postern is silent.
// Each rule is one query over what the app has logged; docs/operations.md says what to do then.

@description('What the names of the rules begin with.')
param prefix string

@description('Region of the rules: that of the component.')
param location string

@description('Tags of what is made here.')
param tags object

@description('Resource id of the Application Insights component.')
param componentId string

@description('Addresses that are sent an e-mail; with none, alerts are seen in the Azure portal only.')
param emails string[]

var rules = [
  {
    name: 'sweep-silent'
    title: 'Postern: the sweep has not run for five minutes'
    query: loadTextContent('../queries/sweep-silent.kql')
    severity: 0
    operator: 'LessThan'
    threshold: 1
    dimension: ''
  }
  {
    name: 'closed-late'
    title: 'Postern: an access was closed late, or could not be closed'
    query: loadTextContent('../queries/closed-late.kql')
    severity: 1
    operator: 'GreaterThan'
    threshold: 0
    dimension: ''
  }
  {
    name: 'exposed'
    title: 'Postern: a locked machine lets something in'
    query: loadTextContent('../queries/exposed.kql')
    severity: 1
    operator: 'GreaterThan'
    threshold: 0
    dimension: 'Machine'
  }
  {
    name: 'poison'
    title: 'Postern: messages lie in a poison queue'
    query: loadTextContent('../queries/poison.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    dimension: ''
  }
  {
    name: 'server-errors'
    title: 'Postern: calls fail with 5xx'
    query: loadTextContent('../queries/server-errors.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 5
    dimension: ''
  }
]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${prefix}-alerts'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'postern'
    emailReceivers: [
      for email in emails: { name: email, emailAddress: email, useCommonAlertSchema: true }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${prefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      enabled: true
      severity: rule.severity
      scopes: [componentId]
      evaluationFrequency: 'PT5M'
      // What the repair finds, it says every ten minutes: a longer window keeps its alert from ending and beginning again.
      windowSize: rule.name == 'exposed' ? 'PT15M' : 'PT5M'
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            dimensions: empty(rule.dimension) ? [] : [{ name: rule.dimension, operator: 'Include', values: ['*'] }]
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [group.id] }
    }
  }
]
