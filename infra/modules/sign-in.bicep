// App Service Authentication in front of the app. Everything needs a token or a session of Entra ID, but the portal's page
// (it holds no secret, and leads to the sign-in) and the health. Nobody needs a secret for it: the app registration
// trusts the app's identity as a federated credential. Who may do what is decided by the app, from the token's roles.

@description('Name of the function app.')
param appName string

@description('Client id of the app registration that people and pipelines sign in to.')
param clientId string

@description('Audiences that a token may be made out to.')
param audiences string[]

@description('Client ids of the applications that may bring tokens, besides the portal; empty for any with a role.')
param clientApplications string[]

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource signIn 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      excludedPaths: ['/', '/portal/*', '/api/health']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: audiences
          defaultAuthorizationPolicy: {
            allowedApplications: empty(clientApplications) ? [] : union([clientId], clientApplications)
          }
        }
      }
    }
    login: {
      preserveUrlFragmentsForLogins: true
      // Nobody needs the tokens again, and the store's default place is a shared file system, which this plan does not
      // have. Without it /.auth/me tells nothing: who is signed in, the portal asks the app (/api/me).
      tokenStore: { enabled: false }
    }
    httpSettings: { requireHttps: true, routes: { apiPrefix: '/.auth' } }
  }
}
