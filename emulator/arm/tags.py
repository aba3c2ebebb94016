"""Service tags: the names that stand for address ranges in a rule.

It knows which tags exist (Azure's page "Virtual network service tags"), in which regions, and which addresses of the
box's small internet they stand for. It refuses to know what VirtualNetwork, Internet and AzureLoadBalancer cover: that
depends on who asks.
"""

CONTEXTUAL = ("VirtualNetwork", "AzureLoadBalancer", "Internet")

_REGIONS = """
    WestEurope NorthEurope EastUS EastUS2 WestUS WestUS2 CentralUS UKSouth FranceCentral GermanyWestCentral
    SwedenCentral SwitzerlandNorth AustraliaEast SoutheastAsia JapanEast
"""

_NAMES = """
    ActionGroup ApiManagement AppConfiguration AppService AppServiceManagement AutonomousDevelopmentPlatform
    AzureActiveDirectory AzureActiveDirectoryDomainServices AzureAdvancedThreatProtection AzureArcInfrastructure
    AzureAttestation AzureBackup AzureBotService AzureCloud AzureCognitiveSearch AzureConnectors AzureContainerRegistry
    AzureCosmosDB AzureDatabricks AzureDataExplorerManagement AzureDevOps AzureDigitalTwins AzureEventGrid
    AzureFrontDoor.Backend AzureFrontDoor.FirstParty AzureFrontDoor.Frontend AzureInformationProtection AzureIoTHub
    AzureKeyVault AzureMachineLearning AzureMonitor AzurePlatformDNS AzurePlatformIMDS AzurePlatformLKM
    AzureResourceManager AzureSentinel AzureSignalR AzureSiteRecovery AzureSpringCloud AzureTrafficManager
    AzureUpdateDelivery AzureWebPubSub BatchNodeManagement CognitiveServicesManagement DataFactory DataFactoryManagement
    Dynamics365 EventHub GatewayManager GuestAndHybridManagement HDInsight LogicApps LogicAppsManagement
    MicrosoftCloudAppSecurity MicrosoftContainerRegistry MicrosoftDefenderForEndpoint PowerBI PowerPlatformInfra
    ServiceBus ServiceFabric Sql SqlManagement Storage StorageSyncService WindowsAdminCenter WindowsVirtualDesktop
"""

# The box's internet is made of documentation ranges (RFC 5737, RFC 3849); Azure's own services live in these of them.
_ADDRESSES = {
    "azurecloud": ("203.0.113.0/25", "2001:db8:a2::/48"),
    "azurecloud.westeurope": ("203.0.113.0/26",),
    "azuredevops": ("203.0.113.16/29",),
    "gatewaymanager": ("203.0.113.24/29",),
    "azuremonitor": ("203.0.113.32/29",),
    "storage": ("203.0.113.40/29", "203.0.113.72/29"),
    "storage.westeurope": ("203.0.113.40/29",),
    "apimanagement": ("203.0.113.48/29",),
    "azurefrontdoor.backend": ("203.0.113.56/29",),
}


def canonical(name: str) -> str | None:
    """The tag as Azure writes it, None for a name that is no tag."""
    return _KNOWN.get(name.lower())


def addresses(name: str) -> tuple[str, ...]:
    """The ranges in the box's internet that a tag covers; none for those whose meaning depends on the network."""
    return _ADDRESSES.get(name.lower(), ())


_KNOWN = {
    name.lower(): name
    for name in (
        *CONTEXTUAL,
        *_NAMES.split(),
        *(f"{name}.{region}" for name in _NAMES.split() if "." not in name for region in _REGIONS.split()),
    )
}
