"""The tables of the workspace with Azure's own column names and types.

Source: the Azure Monitor table reference, one page for each table (NTANetAnalytics of 07/2026, AzureActivity of
05/2026, Heartbeat, SecurityAlert, SecurityEvent and Syslog). AzureNetworkAnalytics_CL is a custom table: its columns
are those of the page "Schema and data aggregation in traffic analytics" and of the schema that Microsoft Sentinel tests
its rules against, where `_d` is real, `_t` datetime, `_b` bool and everything else, GUIDs too, is string. Names have a
case: the page on traffic analytics spells SrcIP where the table has SrcIp.
"""

from collections.abc import Mapping

type Columns = Mapping[str, str]


def _columns(**kinds: str) -> Columns:
    """The columns of a table: Kusto types, each with the names of its columns."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}


_FLOWS = _columns(
    datetime="TimeGenerated FlowStartTime FlowEndTime FlowIntervalStartTime FlowIntervalEndTime TimeProcessed",
    string="""
        TenantId Type SourceSystem _IsBillable AclGroup AclRule Action AzureRegion ConnectingVnets ConnectionName
        ConnectionType Country Description DestApplicationGateway DestCloud DestEnvironment DestExpressRouteCircuit
        DestIp DestLoadBalancer DestLocalNetworkGateway DestNetworkGroups DestNic DestPublicIps DestRegion DestServiceId
        DestServiceName DestServiceTags DestSubnet DestSubscription DestTenantId DestTenantName DestVm
        ExpressRouteCircuitPeeringType FaSchemaVersion FlowDirection FlowEncryption FlowLogResourceId FlowStatus
        FlowType L4Protocol L7Protocol LogResourceId MacAddress NsgList NsgRule NsgRuleType PrivateEndpointResourceId
        PrivateLinkResourceId PrivateLinkResourceName SrcApplicationGateway SrcCloud SrcEnvironment
        SrcExpressRouteCircuit SrcIp SrcLoadBalancer SrcLocalNetworkGateway SrcNetworkGroups SrcNic SrcPorts
        SrcPublicIps SrcRegion SrcServiceId SrcServiceName SrcServiceTags SrcSubnet SrcSubscription SrcTenantId
        SrcTenantName SrcVm Status SubType TargetResourceId TargetResourceType TrafficAnalyticsResourceId
    """,
    int="DestPort",
    long="""
        AllowedInFlows AllowedOutFlows BytesDestToSrc BytesSrcToDest CompletedFlows DeniedInFlows DeniedOutFlows
        PacketsDestToSrc PacketsSrcToDest RecordCount
    """,
    real="_BilledSize",
    bool="IsFlowCapturedAtUdrHop",
)

_OLD_FLOWS = _columns(
    datetime="""
        TimeGenerated FlowStartTime_t FlowEndTime_t FlowIntervalStartTime_t FlowIntervalEndTime_t TimeProcessed_t
    """,
    string="""
        TenantId Type SourceSystem _ResourceId _SubscriptionId _IsBillable Computer RawData ManagementGroupName MG
        SubType_s FASchemaVersion_s SchemaVersion_s TopologyVersion_s Status_s ResourceType FlowDirection_s FlowStatus_s
        FlowType_s NetworkFlowType_s L4Protocol_s L7Protocol_s Country_s AzureRegion_s DiscoveryRegion_s SrcIP_s
        DestIP_s VMIP_s PublicIPs_s SrcPublicIPs_s DestPublicIPs_s NSGList_s NSGRule_s NSGRules_s NSGRuleType_s NSG_s
        VM_s VM1_s VM2_s NIC_s NIC1_s NIC2_s Subnet_s Subnet1_s Subnet2_s Subnetwork_s VirtualSubnetwork_s Region_s
        Region1_s Region2_s SubnetRegion1_s SubnetRegion2_s Subscription_g Subscription1_g Subscription2_g
        Subscription1_s Subscription2_s SubscriptionName_s MACAddress_s ConnectingVNets_s ConnectionName_s
        ConnectionType_s ConnectionStatus_s LoadBalancer1_s LoadBalancer2_s LocalNetworkGateway1_s
        LocalNetworkGateway2_s LocalNetworkGateway_s ApplicationGateway1_s ApplicationGateway2_s ExpressRouteCircuit1_s
        ExpressRouteCircuit2_s ExpressRouteCircuitPeeringType_s FlowLogStorageAccount_s Name_s Network_s VmssName_s
        VirtualMachine_s VirtualNetwork1_s VirtualNetwork2_s PrivateIPAddresses_s PublicIPAddresses_s IPAddress Access_s
        Direction_s Protocol_s SourceAddressPrefix_s DestinationAddressPrefix_s SourcePortRange_s DestinationPortRange_s
        RuleType_s Description_s Tags_s State_s
    """,
    real="""
        _BilledSize DestPort_d AllowedInFlows_d AllowedOutFlows_d CompletedFlows_d DeniedInFlows_d DeniedOutFlows_d
        FlowCount_d InboundBytes_d InboundPackets_d OutboundBytes_d OutboundPackets_d Priority_d
    """,
    bool="IsFlowCapturedAtUDRHop_b IsFlowEnabled_b IsVirtualAppliance_b EnableIPForwarding_b",
)

_SECURITY_EVENT = _columns(
    datetime="TimeGenerated",
    string="""
        TenantId Type SourceSystem _ResourceId _SubscriptionId _IsBillable AccessMask Account AccountDomain
        AccountExpires AccountName AccountSessionIdentifier AccountType Activity AdditionalInfo AdditionalInfo2
        AllowedToDelegateTo Attributes AuditPolicyChanges AuthenticationPackageName AuthenticationProvider
        AuthenticationServer AuthenticationType AzureDeploymentID CACertificateHash CalledStationID CallerProcessId
        CallerProcessName CallingStationID CAPublicKeyHash CategoryId CertificateDatabaseHash Channel ClassId ClassName
        ClientAddress ClientIPAddress ClientName CommandLine CompatibleIds Computer DCDNSName DeviceDescription DeviceId
        DisplayName Disposition DomainBehaviorVersion DomainName DomainPolicyChanged DomainSid EAPType ElevatedToken
        EventData EventSourceName ExtendedQuarantineState FailureReason FileHash FilePath FilePathNoUser Filter
        ForceLogoff Fqbn FullyQualifiedSubjectMachineName FullyQualifiedSubjectUserName GroupMembership HandleId
        HardwareIds HomeDirectory HomePath InterfaceUuid IpAddress IpPort Level LmPackageName LocationInformation
        LockoutDuration LockoutObservationWindow LockoutThreshold LoggingResult LogonGuid LogonHours LogonID
        LogonProcessName LogonTypeName MachineAccountQuota MachineInventory MachineLogon ManagementGroupName
        MandatoryLabel MaxPasswordAge MemberName MemberSid MinPasswordAge MinPasswordLength MixedDomainMode
        NASIdentifier NASIPv4Address NASIPv6Address NASPort NASPortType NetworkPolicyName NewDate NewMaxUsers
        NewProcessId NewProcessName NewRemark NewShareFlags NewTime NewUacValue NewValue NewValueType ObjectName
        ObjectServer ObjectType ObjectValueName OemInformation OldMaxUsers OldRemark OldShareFlags OldUacValue OldValue
        OldValueType OperationType PackageName ParentProcessName PasswordHistoryLength PasswordLastSet
        PasswordProperties PreviousDate PreviousTime PrimaryGroupId PrivateKeyUsageCount PrivilegeList Process ProcessId
        ProcessName ProfilePath Properties ProtocolSequence ProxyPolicyName QuarantineHelpURL QuarantineSessionID
        QuarantineSessionIdentifier QuarantineState QuarantineSystemHealthResult RelativeTargetName RemoteIpAddress
        RemotePort Requester RequestId RestrictedAdminMode RowsDeleted SamAccountName ScriptPath SecurityDescriptor
        ServiceAccount ServiceFileName ServiceName ServiceType SessionName ShareLocalPath ShareName SidHistory
        SourceComputerId Status StorageAccount SubcategoryGuid SubcategoryId Subject SubjectAccount SubjectDomainName
        SubjectKeyIdentifier SubjectLogonId SubjectMachineName SubjectMachineSID SubjectUserName SubjectUserSid
        SubStatus TableId TargetAccount TargetDomainName TargetInfo TargetLinkedLogonId TargetLogonGuid TargetLogonId
        TargetOutboundDomainName TargetOutboundUserName TargetServerName TargetSid TargetUser TargetUserName
        TargetUserSid TemplateContent TemplateDSObjectFQDN TemplateInternalName TemplateOID TemplateSchemaVersion
        TemplateVersion TokenElevationType TransmittedServices UserAccountControl UserParameters UserPrincipalName
        UserWorkstations VendorIds VirtualAccount Workstation WorkstationName
    """,
    int="AuditsDiscarded AuthenticationLevel AuthenticationService ErrorCode EventID KeyLength LogonType"
    " ServiceStartType Task",
    real="_BilledSize",
)

_SYSLOG = _columns(
    datetime="TimeGenerated EventTime",
    string="""
        TenantId Type SourceSystem _ResourceId _SubscriptionId _IsBillable CollectorHostName Computer Facility HostIP
        HostName ProcessName SeverityLevel SyslogMessage
    """,
    int="ProcessID",
    real="_BilledSize",
)

_SECURITY_ALERT = _columns(
    datetime="TimeGenerated StartTime EndTime ProcessingEndTime",
    string="""
        TenantId Type SourceSystem _IsBillable AlertLink AlertName AlertSeverity AlertType CompromisedEntity
        ConfidenceLevel Description DisplayName Entities ExtendedLinks ExtendedProperties ProductComponentName
        ProductName ProviderName RemediationSteps ResourceId SourceComputerId Status SubTechniques SystemAlertId Tactics
        Techniques VendorName VendorOriginalId WorkspaceResourceGroup WorkspaceSubscriptionId
    """,
    bool="IsIncident",
    real="_BilledSize ConfidenceScore",
)

_ACTIVITY = _columns(
    datetime="TimeGenerated EventSubmissionTimestamp",
    string="""
        TenantId Type SourceSystem _ResourceId _SubscriptionId _IsBillable ActivityStatus ActivityStatusValue
        ActivitySubstatus ActivitySubstatusValue Authorization Caller CallerIpAddress Category CategoryValue Claims
        CorrelationId EventDataId Hierarchy HTTPRequest Level OperationId OperationName OperationNameValue Properties
        Resource ResourceGroup ResourceId ResourceProvider ResourceProviderValue SubscriptionId
    """,
    dynamic="Authorization_d Claims_d Properties_d",
    real="_BilledSize",
)

_HEARTBEAT = _columns(
    datetime="TimeGenerated",
    string="""
        TenantId Type SourceSystem _ResourceId _SubscriptionId _IsBillable Category Computer ComputerEnvironment
        ComputerIP ManagementGroupName OSMajorVersion OSMinorVersion OSName OSType RemoteIPCountry Resource
        ResourceGroup ResourceId ResourceProvider ResourceType SCAgentChannel Solutions SourceComputerId SubscriptionId
        Version VMUUID
    """,
    dynamic="ComputerPrivateIPs",
    bool="IsGatewayInstalled",
    real="_BilledSize RemoteIPLatitude RemoteIPLongitude",
)

TABLES: Mapping[str, Columns] = {
    "NTANetAnalytics": _FLOWS,
    "AzureNetworkAnalytics_CL": _OLD_FLOWS,
    "SecurityEvent": _SECURITY_EVENT,
    "Syslog": _SYSLOG,
    "SecurityAlert": _SECURITY_ALERT,
    "AzureActivity": _ACTIVITY,
    "Heartbeat": _HEARTBEAT,
}
