#Requires -Version 5.1
# Postern gate 1
#
# Keeps this computer closed but for what was granted, as long as it was granted. It owns the firewall rules of the group
# "Postern", the folder Postern under Program Files and the scheduled task "Postern gate", and touches nothing else. It is
# always this same text; what differs comes in parameters that hold digits, addresses and our own names of rules.
#
# POSTERN_MODE is apply, verify (mend only what is not in force) or again (by this computer: at a deadline, at start-up).
# POSTERN_WISH is none, or rules joined by "+": name_priority_a|d_protocol_sources_destinations_ports_deadline.
# POSTERN_WALLS is none, or what to block, joined by "+": from_protocols_remotes_locals_ports_remoteports.
# The last line that it prints is the report. It ends with 0: in force, 3: refused, 4: unsupported, 5: failed.
[CmdletBinding()]
param(
    [ValidatePattern('\A(apply|verify|again)\z')] [string] $POSTERN_MODE = 'again',
    [ValidatePattern('\A[0-9]{1,3}\z')] [string] $POSTERN_VERSION = '1',
    [ValidatePattern('\A(0|[1-9][0-9]{0,14})\z')] [string] $POSTERN_SERIAL = '0',
    [ValidatePattern('\A(0|[1-9][0-9]{0,10})\z')] [string] $POSTERN_ISSUED = '0',
    [ValidatePattern('\A[0-9a-f]{64}\z')] [string] $POSTERN_DIGEST = '0000000000000000000000000000000000000000000000000000000000000000',
    [ValidatePattern('\A[0-9a-zA-Z.:/@_+-]+\z')] [string] $POSTERN_WISH = 'none',
    [ValidatePattern('\A[0-9a-z.:@_+-]+\z')] [string] $POSTERN_WALLS = 'none',
    # Nobody looks at these here: they are Postern's own memory of what it asked for.
    [ValidatePattern('\A[0-9a-zA-Z_-]*\z')] [string] $POSTERN_NOTES = '',
    [ValidatePattern('\A[0-9a-zA-Z.:/@_+-]*\z')] [string] $POSTERN_BEFORE = '',
    [ValidatePattern('\A[0-9a-zA-Z_-]*\z')] [string] $POSTERN_BEFORE_NOTES = '',
    [ValidatePattern('\A[0-9a-zA-Z_-]*\z')] [string] $POSTERN_TARGETS = ''
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$Group = 'Postern'
$Task = 'Postern gate'
$Folder = Join-Path -Path ([Environment]::GetFolderPath('ProgramFiles')) -ChildPath 'Postern'
$Copy = Join-Path -Path $Folder -ChildPath 'gate.ps1'
$Order = Join-Path -Path $Folder -ChildPath 'order.json'
$Oldest = 600 # Seconds: an order that waited for longer opens nothing.
$Ahead = 30 # Seconds: nor does one from further in the future, as one of the clocks is wrong.

$V4 = '[0-9]{1,3}(\.[0-9]{1,3}){3}'
$V6 = '[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}(:' + $V4 + ')?'
$Prefix = "(any|$V4(/[0-9]{1,2})?|$V6(/[0-9]{1,3})?)"
$Span = "(any|$V4(-$V4)?|$V6(-$V6)?)"
$Ports = '(any|[0-9]{1,5}(-[0-9]{1,5})?(@[0-9]{1,5}(-[0-9]{1,5})?)*)'
$RuleForm = '\Apostern-(lock|open|keep)-[a-z0-9-]{1,66}_[1-9][0-9]{2,3}_[ad]_(tcp|udp|icmp|esp|ah|any)' +
    "_$Prefix(@$Prefix)*_$Prefix(@$Prefix)*_${Ports}_(0|[1-9][0-9]{0,10})\z"
$WallForm = "\A(0|[1-9][0-9]{0,10})_(tcp|udp|icmp|esp|ah|other)(@(tcp|udp|icmp|esp|ah|other))*" +
    "_$Span(@$Span)*_$Span(@$Span)*_${Ports}_$Ports\z"

# Numbers of protocols, and the types of ICMP that ask for something: errors and the finding of neighbours and routers stay
# as they are, for without them a closed computer would lose its network.
$Numbers = @{ tcp = @('TCP'); udp = @('UDP'); icmp = @('ICMPv4', 'ICMPv6'); esp = @('50'); ah = @('51')
    other = @('4', '41', '47', '115', '132', '136') }
$Types = @{ ICMPv4 = @('8', '13', '15', '17'); ICMPv6 = @('128', '139') }

$State = @{ serial = [long]0; issued = [long]0; digest = ''; rules = 0; missing = @(); edited = @(); skew = [long]0; persists = $false }

function Write-Report([string] $Status, [int] $Code, [string] $Detail) {
    $told = [ordered]@{ version = 1; status = $Status; detail = $Detail; serial = $State.serial; issued = $State.issued
        digest = $State.digest; rules = $State.rules
        missing = @($State.missing | Select-Object -First 3); edited = @($State.edited | Select-Object -First 3)
        skew = $State.skew; persists = $State.persists; firewall = 'Windows Firewall' }
    [Console]::Out.WriteLine('POSTERN-GATE ' + (ConvertTo-Json -InputObject $told -Compress))
    exit $Code
}

function Split-Wish([string] $Text) { if ($Text -cne 'none') { $Text.Split('+') } }

function Join-Wish([string[]] $Lines) { if ($Lines) { $Lines -join '+' } else { 'none' } }

function Split-List([string] $Text) { if ($Text.Split('@') -ccontains 'any') { 'Any' } else { $Text.Split('@') } }

function Get-Digest([string] $Text) {
    $bytes = [Security.Cryptography.SHA256]::Create().ComputeHash([Text.Encoding]::ASCII.GetBytes($Text))
    [BitConverter]::ToString($bytes).Replace('-', '').ToLowerInvariant()
}

function Test-Order($One) {
    foreach ($rule in Split-Wish $One.wish) { if ($rule -cnotmatch $RuleForm) { return $false } }
    foreach ($wall in Split-Wish $One.walls) { if ($wall -cnotmatch $WallForm) { return $false } }
    (Get-Digest ($One.wish + ' ' + $One.walls)) -ceq $One.digest
}

# What is kept is read as it was written, never run, and checked like an order from outside.
function Read-Kept {
    $none = @{ serial = [long]0; issued = [long]0; digest = ''; wish = 'none'; walls = 'none'; listing = @(); broken = $false }
    if (-not (Test-Path -LiteralPath $Order)) { return $none }
    try {
        $read = Get-Content -LiteralPath $Order -Raw | ConvertFrom-Json
        $kept = @{ serial = [long]$read.serial; issued = [long]$read.issued; digest = [string]$read.digest
            wish = [string]$read.wish; walls = [string]$read.walls; listing = @($read.listing); broken = $false }
        if (Test-Order $kept) { return $kept }
    } catch { Write-Error -ErrorRecord $_ -ErrorAction Continue }
    if ($POSTERN_MODE -ceq 'again') { Write-Report refused 3 'what is kept is not well formed' }
    $none.broken = $true
    $none
}

function Get-Live([string[]] $Rules, [long] $Now) {
    $Rules | Where-Object { $_ -and (($_.Split('_')[2] -ceq 'd') -or ([long]$_.Split('_')[7] -gt $Now)) }
}

# The firewall's rules for one wall or one allow rule, by its fields from protocols to remote ports. The name holds all
# that the rule is, so that what stands already is not touched, and nothing is ever changed in place.
function Get-Rules([string] $Action, [string] $Told, [string[]] $Fields) {
    foreach ($protocol in ($Fields[0].Split('@') | ForEach-Object { $Numbers[$_] })) {
        $made = @{ Action = $Action; Protocol = $protocol; DisplayName = "Postern: $Told"
            RemoteAddress = @(Split-List $Fields[1]); LocalAddress = @(Split-List $Fields[2]) }
        if ($Types.ContainsKey($protocol)) { $made.IcmpType = $Types[$protocol] }
        if ($protocol -ceq 'TCP' -or $protocol -ceq 'UDP') {
            $made.LocalPort = @(Split-List $Fields[3])
            $made.RemotePort = @(Split-List $Fields[4])
        }
        $text = ($made.Keys | Sort-Object | ForEach-Object { $_ + '=' + ($made[$_] -join ',') }) -join ';'
        $made.Name = 'Postern-' + (Get-Digest $text).Substring(0, 32)
        $made
    }
}

function Get-Plan($One, [long] $Now) {
    foreach ($wall in Split-Wish $One.walls) {
        $fields = $wall.Split('_')
        if ([long]$fields[0] -le $Now) { Get-Rules Block 'table' $fields[1..5] }
    }
    foreach ($rule in (Get-Live @(Split-Wish $One.wish) $Now)) {
        $fields = $rule.Split('_')
        if ($fields[2] -cne 'a') { continue }
        # Without ports a rule for every protocol means all that a rule can name, with ports those that have some.
        if ($fields[3] -ceq 'any') { $fields[3] = if ($fields[6] -ceq 'any') { 'tcp@udp@icmp@esp@ah' } else { 'tcp@udp' } }
        Get-Rules Allow $fields[0] @($fields[3..6] + 'any')
    }
}

# What stands, a line for each rule, as the firewall itself tells it: name, title, and all that it is.
function Get-Listing {
    foreach ($rule in @(Get-NetFirewallRule -PolicyStore ActiveStore -Group $Group -ErrorAction SilentlyContinue)) {
        $address = $rule | Get-NetFirewallAddressFilter
        $port = $rule | Get-NetFirewallPortFilter
        $all = @($rule.Name, $rule.DisplayName, $rule.Enabled, $rule.Direction, $rule.Action, $rule.Profile, $rule.PrimaryStatus) +
            @($address.RemoteAddress) + @($address.LocalAddress) + @($port.Protocol) + @($port.LocalPort) + @($port.RemotePort) + @($port.IcmpType)
        $all -join '|'
    }
}

# Whether all stands as it did after the last order; else the report names what is gone and what is different.
function Test-Standing([string[]] $Was, [string[]] $Wanted) {
    $is = @(Get-Listing)
    $names = @($is | ForEach-Object { $_.Split('|')[0] })
    foreach ($line in $Was) {
        $name, $title = $line.Split('|')[0, 1] -replace '\APostern: ', ''
        if ($names -cnotcontains $name) { $State.missing += $title } elseif ($is -cnotcontains $line) { $State.edited += $title }
    }
    if ($is.Count -gt $Was.Count) { $State.edited += 'table' }
    $odd = @($State.missing + $State.edited + @($names + $Wanted | Where-Object { $names -cnotcontains $_ -or $Wanted -cnotcontains $_ }))
    $odd.Count -eq 0
}

# Walls go up before anything goes away, and what allows comes last: at no moment is more open than before or after.
function Set-Rules([object[]] $Plan) {
    $names = @($Plan | ForEach-Object { $_.Name })
    $there = @(Get-NetFirewallRule -Group $Group -ErrorAction SilentlyContinue | ForEach-Object { $_.Name })
    $missing = @($Plan | Where-Object { $there -cnotcontains $_.Name })
    $walls = @($missing | Where-Object { $_.Action -ceq 'Block' })
    try {
        foreach ($one in $walls) { $null = New-NetFirewallRule @one -Group $Group -Direction Inbound -Profile Any -Enabled True }
    } catch {
        # Nothing else was changed yet: without these walls all is as it was.
        $made = @($walls | ForEach-Object { $_.Name })
        Get-NetFirewallRule -Group $Group -ErrorAction SilentlyContinue | Where-Object { $made -ccontains $_.Name } | Remove-NetFirewallRule
        throw
    }
    foreach ($action in 'Allow', 'Block') {
        Get-NetFirewallRule -Group $Group -ErrorAction SilentlyContinue |
            Where-Object { "$($_.Action)" -ceq $action -and $names -cnotcontains $_.Name } | Remove-NetFirewallRule
    }
    foreach ($one in @($missing | Where-Object { $_.Action -ceq 'Allow' })) {
        $null = New-NetFirewallRule @one -Group $Group -Direction Inbound -Profile Any -Enabled True
    }
}

# The folder belongs to the system and to administrators alone, as its script is run by the system. The file that is held
# open there lets in only one at a time: an order from Postern and a deadline may come together.
function Lock-Gate {
    if (-not (Test-Path -LiteralPath $Folder)) { $null = New-Item -ItemType Directory -Path $Folder }
    $acl = New-Object -TypeName Security.AccessControl.DirectorySecurity
    $acl.SetSecurityDescriptorSddlForm('O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    Set-Acl -LiteralPath $Folder -AclObject $acl
    for ($tries = 60; ; $tries--) {
        try { return [IO.File]::Open((Join-Path -Path $Folder -ChildPath 'lock'), 'OpenOrCreate', 'ReadWrite', 'None') }
        catch { if ($tries -eq 0) { throw } }
        Start-Sleep -Seconds 1
    }
}

# At start-up and at the next deadline; then each minute, should that run fail, until one has set the deadline after it.
function Set-Deadline($One, [long] $Now) {
    $triggers = @(New-ScheduledTaskTrigger -AtStartup)
    $next = @(Split-Wish $One.wish | ForEach-Object { [long]$_.Split('_')[7] } | Where-Object { $_ -gt $Now } | Sort-Object)
    if ($next.Count) {
        $at = [DateTimeOffset]::FromUnixTimeSeconds($next[0]).LocalDateTime
        $again = @{ RepetitionInterval = New-TimeSpan -Minutes 1; RepetitionDuration = New-TimeSpan -Days 1 }
        $triggers += New-ScheduledTaskTrigger -Once -At $at @again
    }
    $shell = Join-Path -Path ([Environment]::SystemDirectory) -ChildPath 'WindowsPowerShell\v1.0\powershell.exe'
    $action = New-ScheduledTaskAction -Execute $shell -Argument "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$Copy`""
    $who = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
    $how = New-ScheduledTaskSettingsSet -StartWhenAvailable -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
    $null = Register-ScheduledTask -TaskName $Task -Action $action -Trigger $triggers -Principal $who -Settings $how -Force
    $State.persists = Test-Path -LiteralPath $Copy
}

# Everything of ours goes and nothing else: the computer is as it was.
function Remove-Gate {
    Get-NetFirewallRule -Group $Group -ErrorAction SilentlyContinue | Remove-NetFirewallRule
    $lock.Dispose()
    Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue | Unregister-ScheduledTask -Confirm:$false
    if (Test-Path -LiteralPath $Folder) { Remove-Item -LiteralPath $Folder -Recurse -Force }
}

# Only what is narrower than what stands: all that either denies or blocks, and what both allow. So an order that comes
# too late can close, and can neither open anything nor take a lock away.
function Get-Narrowed($Old, $New) {
    $was = @(Split-Wish $Old.wish)
    $is = @(Split-Wish $New.wish)
    $rules = @($was + $is | Where-Object { ($_.Split('_')[2] -ceq 'd') -or ($was -ccontains $_ -and $is -ccontains $_) } | Sort-Object -Unique)
    $walls = @(@(Split-Wish $Old.walls) + @(Split-Wish $New.walls) | Sort-Object -Unique)
    @{ wish = Join-Wish $rules; walls = Join-Wish $walls }
}

function Invoke-Gate {
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    $one = @{ serial = [long]$POSTERN_SERIAL; issued = [long]$POSTERN_ISSUED; digest = $POSTERN_DIGEST
        wish = $POSTERN_WISH; walls = $POSTERN_WALLS; listing = @() }
    if ($POSTERN_MODE -cne 'again') {
        if ($POSTERN_VERSION -cne '1') { Write-Report refused 3 'the version is not known' }
        if (-not (Test-Order $one)) { Write-Report refused 3 'the order is not well formed' }
        $State.skew = $now - $one.issued
    }
    $lock = Lock-Gate
    $kept = Read-Kept
    $status = 'applied'
    if ($POSTERN_MODE -ceq 'again') {
        # What is over leaves the order: were the clock set back later, no wall would come down again.
        $one.serial, $one.issued = $kept.serial, $kept.issued
        $one.wish = Join-Wish @(Get-Live @(Split-Wish $kept.wish) $now)
        $walls = @(Split-Wish $kept.walls | ForEach-Object { $from, $rest = $_.Split('_', 2); if ([long]$from -le $now) { "0_$rest" } else { $_ } })
        $one.walls = Join-Wish $walls
    } elseif ($one.serial -lt $kept.serial) { $status = 'late' }
    # An order for nothing that is newer than what stands may always be carried out: who would free this computer else?
    elseif ($one.wish -ceq 'none' -and $one.serial -gt $kept.serial -and $one.issued -ge $kept.issued) { }
    elseif ($State.skew -gt $Oldest) { $status = 'stale' }
    elseif ($State.skew -lt -$Ahead) { $status = 'skew' }
    $State.serial, $State.issued = $one.serial, $one.issued
    if ($status -ceq 'late') { Write-Report stale 3 'a newer order was applied' }
    if ($status -cne 'applied') {
        if ($kept.broken) { Write-Report $status 3 'nothing was changed' }
        $narrowed = Get-Narrowed $kept $one
        $one.wish, $one.walls = $narrowed.wish, $narrowed.walls
    }
    $one.digest = $State.digest = Get-Digest ($one.wish + ' ' + $one.walls)
    $code = if ($status -ceq 'applied') { 0 } else { 3 }
    if ($one.wish -ceq 'none') { Remove-Gate; Write-Report $status $code 'nothing of Postern is left' }
    $off = @(Get-NetFirewallProfile -PolicyStore ActiveStore | Where-Object { "$($_.Enabled)" -cne 'True' })
    if ($off.Count) { Write-Report unsupported 4 'Windows Firewall is off in a profile: a rule would close nothing' }
    # A clock that was set back since the order was given must not make a grant longer.
    $now = [Math]::Max($now, $one.issued)
    if ($POSTERN_MODE -cne 'again' -and (Get-Content -LiteralPath $PSCommandPath -TotalCount 2)[-1] -ceq '# Postern gate 1') {
        Copy-Item -LiteralPath $PSCommandPath -Destination $Copy -Force
    }
    $plan = @(Get-Plan $one $now)
    $same = $POSTERN_MODE -ceq 'verify' -and $one.digest -ceq $kept.digest
    $one.listing = $kept.listing
    if (-not ($same -and (Test-Standing $kept.listing @($plan | ForEach-Object { $_.Name })))) {
        Set-Rules $plan
        $one.listing = @(Get-Listing)
        Set-Content -LiteralPath $Order -Value (ConvertTo-Json -InputObject $one -Compress) -Encoding ASCII
    }
    Set-Deadline $one $now
    $names = @($one.listing | ForEach-Object { $_.Split('|')[0] })
    $absent = @($plan | Where-Object { $names -cnotcontains $_.Name })
    if ($absent.Count) { Write-Report failed 5 'not all rules stand: does a policy ignore local rules?' }
    $State.rules = @(Get-Live @(Split-Wish $one.wish) $now).Count
    Write-Report $status $code $(if ($code) { 'only narrowed' } else { '' })
}

try {
    Invoke-Gate
} catch {
    Write-Error -ErrorRecord $_ -ErrorAction Continue
    Write-Report failed 5 'a command failed, see the error output'
}
