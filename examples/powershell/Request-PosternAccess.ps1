#Requires -Version 7.2
<#
.SYNOPSIS
    Asks Postern for access to a port of a machine, waits until it is open, and says how to connect.

.DESCRIPTION
    Returns the grant. With -Command it runs the command while the access is open, and ends the access afterwards; else
    the access ends by itself. Needs the module Az.Accounts and a sign-in (Connect-AzAccount), or a token in -Token.

.EXAMPLE
    ./Request-PosternAccess.ps1 -Machine $vm.Id -Port 3389 -Minutes 30 -Justification 'Restart of the web server'

.EXAMPLE
    ./Request-PosternAccess.ps1 -Machine $vm.Id -Port 22 -Justification 'A look' -Command { ssh "me@$($args[0])" uptime }
#>
[CmdletBinding()]
param(
    # Where the app is, such as https://postern-abc.azurewebsites.net.
    [uri] $Address = $env:POSTERN,

    # What a token is asked for: api://<client id>.
    [string] $Audience = $env:POSTERN_AUDIENCE,

    # Resource id of the machine.
    [Parameter(Mandatory)]
    [string] $Machine,

    [ValidateRange(1, 65535)]
    [int] $Port = 3389,

    [ValidateRange(5, 1440)]
    [int] $Minutes = 15,

    [Parameter(Mandatory)]
    [string] $Justification,

    # The ticket, where the policy wants one.
    [string] $Ticket,

    # The address that is let in; your own unless told.
    [string] $Source,

    # How long somebody has to approve; then the request is taken back.
    [int] $PatienceMinutes = 15,

    # What runs while it is open; gets the machine's address.
    [scriptblock] $Command,

    # A token for the app, instead of one of Az.Accounts.
    [securestring] $Token
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$busy = 429, 502, 503, 504
$waits = 'pending', 'scheduled', 'opening'
$tries = 6
$lookAgain = 5
$longestPause = 60

if (-not $Token) {
    $Token = (Get-AzAccessToken -ResourceUrl $Audience -AsSecureString).Token
}

# One answer; while the app is away or busy it is asked again.
function Invoke-Postern([string] $Method, [string] $Path, [string] $Body, [hashtable] $Headers = @{}) {
    $options = @{
        Uri                = [uri]::new($Address, $Path)
        Method             = $Method
        Headers            = $Headers
        Authentication     = 'Bearer'
        Token              = $Token
        TimeoutSec         = 100
        SkipHttpErrorCheck = $true
    }
    if ($Body) {
        $options.Body = $Body
        $options.ContentType = 'application/json'
    }
    for ($try = 1; $try -le $tries; $try++) {
        $pause = $lookAgain
        try {
            $document = Invoke-RestMethod @options -StatusCodeVariable status -ResponseHeadersVariable told
            if ($told.ContainsKey('Retry-After')) {
                $pause = [math]::Min([int] $told['Retry-After'][0], $longestPause)
            }
            if ($status -notin $busy -or $try -eq $tries) {
                return @{ Status = $status; Document = $document; AgainIn = $pause }
            }
        }
        catch {
            # Nobody answered.
            if ($try -eq $tries) { throw }
        }
        Start-Sleep -Seconds $pause
    }
}

# The document of a good answer; else every reason.
function Read-Answer([hashtable] $Answer) {
    if ($Answer.Status -lt 300) { return $Answer.Document }
    $reasons = @()
    if ($Answer.Document -is [pscustomobject]) {
        $told = $Answer.Document.PSObject.Properties
        if ($told['detail']) { $reasons += $told['detail'].Value }
        if ($told['issues']) { $reasons += $told['issues'].Value.message }
    }
    throw "Not opened ($($Answer.Status)). $($reasons -join "`n")"
}

# Ends a grant, or a request that waits.
function Stop-Grant([string] $Id) {
    $answer = Invoke-Postern -Method POST -Path "/api/grants/$Id/revoke"
    if ($answer.Status -ge 300) { Write-Warning "Grant $Id is not closed yet; it ends when its time is up." }
}

function Wait-Grant($Grant) {
    $late = [datetime]::UtcNow.AddMinutes($PatienceMinutes)
    while ($Grant.state -in $waits) {
        $answer = Invoke-Postern -Method GET -Path "/api/grants/$($Grant.id)"
        $Grant = Read-Answer $answer
        if ($Grant.state -notin $waits) { break }
        $left = ($late - [datetime]::UtcNow).TotalSeconds
        if ($left -le 0) { throw "Not opened: it is still $($Grant.state). The request is taken back." }
        Write-Verbose "The request is $($Grant.state)."
        Start-Sleep -Seconds ([math]::Min($answer.AgainIn, $left))
    }
    if ($Grant.state -ne 'active') { throw "Not opened: it is $($Grant.state) ($($Grant.reason))." }
    return $Grant
}

$wantedPort = @{ number = $Port }
if ($Source) { $wantedPort.allowedSourceAddressPrefix = $Source }
$wish = @{
    machine       = $Machine
    ports         = @($wantedPort)
    duration      = "PT${Minutes}M"
    justification = $Justification
}
if ($Ticket) { $wish.ticket = $Ticket }

# The same key makes it one request, however often it is sent.
$headers = @{ 'Idempotency-Key' = [guid]::NewGuid().ToString(); Prefer = 'wait=1' }
$asked = Invoke-Postern -Method POST -Path '/api/grants' -Body (ConvertTo-Json $wish -Depth 4) -Headers $headers
$grant = Read-Answer $asked
$id = $grant.id
$keep = $false
try {
    $grant = Wait-Grant $grant
    Write-Verbose "Grant $id is open until $($grant.endTimeUtc)."
    if ($Command) {
        & $Command $grant.connect.host
    }
    else {
        $keep = $true
        $grant
    }
}
finally {
    # Also after an error, or Ctrl-C.
    if (-not $keep) { Stop-Grant $id }
}
