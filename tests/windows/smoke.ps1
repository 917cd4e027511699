#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Tries an installation of Twins on a real Windows: service, driver, and a download that is held and released.

.DESCRIPTION
Prints a row for each trial, "ok" or "FAILED", and last "N passed, N failed"; the exit code is 0 if none failed.
It installs the service twinsd and removes it again, and unloads the driver if it wasn't there before; it doesn't start
where the service is installed already. What it can't try is in README.md beside it.

.PARAMETER Folder
Where twins.exe, twinsd.exe and twin.exe are installed. The current folder, unless given.

.PARAMETER Url
A file on another machine, by http. Without it nothing is held.

.PARAMETER Megabytes
How much of that file is loaded, from its begin. Its server has to know ranges if it is larger.

.PARAMETER Node
A node of this machine's cluster, to which the held download is redirected before it is released. Nothing runs there. Needs Url.

.PARAMETER Token
What 'twins cluster token' printed on the cluster's first node: this machine joins with it first.

.PARAMETER Address
This machine's address for the other nodes.

.EXAMPLE
.\smoke.ps1 -Folder 'C:\Program Files\Twins' -Url http://10.0.0.7/big.bin -Megabytes 200
#>
[CmdletBinding()]
param(
    [string] $Folder = (Get-Location).Path,
    [string] $Url = '',
    [ValidateRange(8, 4096)] [int] $Megabytes = 64,
    [string] $Node = '',
    [string] $Token = '',
    [string] $Address = ''
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:passed = 0
$script:failed = 0
$script:download = $null
$state = Join-Path $env:ProgramData 'Twins'
$twins = Join-Path $Folder 'twins.exe'
$curl = Join-Path $env:SystemRoot 'System32\curl.exe'
$work = Join-Path $env:TEMP ('twins-smoke-' + [Guid]::NewGuid().ToString('N'))

# Runs a trial: what it says is the detail of an "ok", what it throws that of a "FAILED". Gives whether it passed.
function Invoke-Trial([string] $Name, [scriptblock] $Trial) {
    try {
        $detail = & $Trial
        $script:passed++
        [Console]::WriteLine("ok      ${Name}: $detail")
        return $true
    }
    catch {
        $script:failed++
        [Console]::WriteLine("FAILED  ${Name}: $($_.Exception.Message)")
        return $false
    }
}

# Runs twins.exe; gives its exit code and what it wrote. No argument of this script's has a blank in it.
function Invoke-Twins([string[]] $Arguments) {
    $start = New-Object System.Diagnostics.ProcessStartInfo $twins, ($Arguments -join ' ')
    $start.UseShellExecute = $false
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.CreateNoWindow = $true
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        $errors = $process.StandardError.ReadToEndAsync()
        $output = $process.StandardOutput.ReadToEndAsync()
        if (-not $process.WaitForExit(120000)) {
            $process.Kill()
            throw "twins $($Arguments[0]) hasn't ended within two minutes"
        }
        return New-Object PSObject -Property @{ Code = $process.ExitCode; Output = $output.Result; Errors = $errors.Result.Trim() }
    }
    finally {
        $process.Dispose()
    }
}

# Runs twins.exe, which has to succeed; gives its output.
function Invoke-TwinsOrThrow([string[]] $Arguments) {
    $result = Invoke-Twins $Arguments
    if ($result.Code -ne 0) { throw "exit code $($result.Code): $($result.Errors)" }
    return $result.Output
}

# Asks until the answer is yes.
function Wait-Until([string] $What, [int] $Seconds, [scriptblock] $Condition) {
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $Seconds) { throw "not within $Seconds s: $What" }
        Start-Sleep -Milliseconds 200
    }
}

# 'Running', 'Stopped' and so on; empty where there is none. These words are the same in every language.
function Get-DriverState {
    $driver = Get-CimInstance -ClassName Win32_SystemDriver -Filter "Name='WinDivert'"
    if ($null -eq $driver) { return '' }
    return $driver.State
}

function Test-Service { return $null -ne (Get-Service -Name twinsd -ErrorAction SilentlyContinue) }

function Get-Length([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path)) { return 0 }
    # Of the file itself: the folder's entry is behind while somebody writes.
    $file = [System.IO.File]::Open($Path, 'Open', 'Read', 'ReadWrite, Delete')
    try { return $file.Length } finally { $file.Dispose() }
}

function Get-CurlArguments([string] $Path, [string] $Rate) {
    return @('--silent', '--show-error', '--fail', '--noproxy', '*', '--range', "0-$($Megabytes * 1MB - 1)", '--limit-rate', $Rate, '--output', "`"$Path`"", "`"$Url`"") -join ' '
}

function Start-Download([string] $Path, [string] $Rate) {
    return Start-Process -FilePath $curl -ArgumentList (Get-CurlArguments $Path $Rate) -WindowStyle Hidden -PassThru
}

function Test-Doctor {
    $result = Invoke-Twins @('doctor', '--json')
    if ($result.Code -notin 0, 1) { throw "exit code $($result.Code): $($result.Errors)" }
    foreach ($row in ($result.Output | ConvertFrom-Json)) {
        $null = Invoke-Trial "doctor $($row.check)" {
            if ($row.outcome -eq 'failed') { throw "$($row.detail). $($row.remedy)" }
            if ($row.outcome -eq 'warning') { return "warning: $($row.detail)" }
            return $row.detail
        }
    }
    return "exit code $($result.Code)"
}

# A download that is held in the middle, redirected to a node and back where one is given, and released.
function Test-Hold {
    $reference = Join-Path $work 'reference'
    $copy = Join-Path $work 'copy'
    $seconds = 30

    $reached = Invoke-Trial 'peer' {
        $name = ([Uri] $Url).DnsSafeHost
        $own = @(Get-NetIPAddress | ForEach-Object { ($_.IPAddress -split '%')[0] })
        foreach ($address in [System.Net.Dns]::GetHostAddresses($name)) {
            if ($own -contains $address.ToString()) { throw "$name is this machine: what goes to oneself isn't on the network" }
        }
        $process = Start-Download $reference '1000M'
        $null = $process.Handle # without it there is no exit code
        if (-not $process.WaitForExit(600000)) { $process.Kill(); throw 'the first download takes more than ten minutes' }
        if ($process.ExitCode -ne 0) { throw "curl ends with $($process.ExitCode)" }
        if ((Get-Length $reference) -lt 8MB) { throw 'the file is shorter than 8 MB' }
        return "$([int] ((Get-Length $reference) / 1MB)) MB from $name"
    }
    if (-not $reached) { return }

    $rate = [Math]::Max(1, [int] ((Get-Length $reference) / 1MB / $seconds))
    $script:download = Start-Download $copy "${rate}M"
    $null = $script:download.Handle

    $held = Invoke-Trial 'hold' {
        Wait-Until 'the second download has begun' 30 { (Get-Length $copy) -gt 0 }
        $null = Invoke-TwinsOrThrow @('attach', "$($script:download.Id)", '--name', 'smoke', '--json')
        $process = Invoke-TwinsOrThrow @('hold', 'smoke', '--json') | ConvertFrom-Json
        if ($process.state -ne 'held') { throw "its state is $($process.state)" }
        # What the socket has already is still read and written, at curl's rate.
        Wait-Until 'nothing comes any more' 30 {
            $before = $script:lastLength
            $script:lastLength = Get-Length $copy
            Start-Sleep -Seconds 2
            return $before -eq $script:lastLength
        }
        if ($script:download.HasExited) { throw 'the download has ended: choose a larger file' }
        return "after $([int] ((Get-Length $copy) / 1MB)) MB"
    }

    if ($held -and $Node) {
        $null = Invoke-Trial 'redirect' {
            $process = Invoke-TwinsOrThrow @('redirect', 'smoke', '--to', $Node, '--json') | ConvertFrom-Json
            if (-not $process.cabin) { throw "node $Node has made no cabin" }
            return "cabin $($process.cabin)"
        }
    }

    if ($held) {
        $null = Invoke-Trial 'release' {
            $process = Invoke-TwinsOrThrow @('release', 'smoke', '--json') | ConvertFrom-Json
            if ($process.state -ne 'running') { throw "its state is $($process.state)" }
            return 'running'
        }
    }

    $null = Invoke-Trial 'checksum' {
        if (-not $script:download.WaitForExit(300000)) { throw 'the download has stalled' }
        if ($script:download.ExitCode -ne 0) { throw "curl ends with $($script:download.ExitCode)" }
        $expected = (Get-FileHash -LiteralPath $reference -Algorithm SHA256).Hash
        $actual = (Get-FileHash -LiteralPath $copy -Algorithm SHA256).Hash
        if ($expected -ne $actual) { throw "SHA-256 is $actual, not $expected" }
        return $actual
    }
}

if (-not (Test-Path -LiteralPath $twins)) { throw "$twins isn't there: give the folder of the installation with -Folder." }
if (Test-Service) { throw 'The service twinsd is installed on this machine already: this script would remove it. Take another machine, or remove it first (twins service remove).' }
if ($Node -and -not $Url) { throw '-Node needs -Url.' }

$driverBefore = Get-DriverState
$stateBefore = Test-Path -LiteralPath $state
$script:lastLength = -1
$null = New-Item -ItemType Directory -Path $work

try {
    if (Invoke-Trial 'service install' { $null = Invoke-TwinsOrThrow @('service', 'install', '--json'); return 'installed' }) {
        if (Invoke-Trial 'service start' {
                $service = Invoke-TwinsOrThrow @('service', 'start', '--json') | ConvertFrom-Json
                if ((Get-Service -Name twinsd).Status -ne 'Running') { throw 'it said that it had started, and it does not run' }
                return "PID $($service.pid)"
            }) {
            $null = Invoke-Trial 'doctor' { Test-Doctor }
            $null = Invoke-Trial 'driver is loaded' {
                Wait-Until "the driver's state is Running" 30 { (Get-DriverState) -eq 'Running' }
                return (Get-CimInstance -ClassName Win32_SystemDriver -Filter "Name='WinDivert'").PathName
            }
            if ($Token) {
                $null = Invoke-Trial 'cluster join' {
                    # Not as an argument, which other users could see.
                    $env:TWINS_JOIN_TOKEN = $Token
                    try {
                        $arguments = @('cluster', 'join', '--json')
                        if ($Address) { $arguments += @('--address', $Address) }
                        $null = Invoke-TwinsOrThrow $arguments
                    }
                    finally {
                        Remove-Item Env:\TWINS_JOIN_TOKEN
                    }
                    return 'joined'
                }
            }
            if ($Url) { Test-Hold }
        }
    }
}
finally {
    if ($null -ne $script:download -and -not $script:download.HasExited) { $script:download.Kill() }

    $null = Invoke-Trial 'service stop' {
        if (Test-Service) { $null = Invoke-TwinsOrThrow @('service', 'stop', '--json') }
        return 'stopped'
    }
    # Twins outlive their twinsd, and keep the driver open.
    $prefix = (Resolve-Path -LiteralPath $Folder).ProviderPath.TrimEnd('\') + '\'
    foreach ($process in @(Get-Process -Name twin -ErrorAction SilentlyContinue)) {
        if ($process.Path -and $process.Path.StartsWith($prefix, [StringComparison]::OrdinalIgnoreCase)) {
            Stop-Process -Id $process.Id -Force -ErrorAction SilentlyContinue
        }
    }

    $null = Invoke-Trial 'service remove' {
        if (Test-Service) { $null = Invoke-TwinsOrThrow @('service', 'remove', '--json') }
        Wait-Until 'the service is gone' 30 { -not (Test-Service) }
        return 'removed'
    }

    if ($driverBefore -ne 'Running') {
        $null = Invoke-Trial 'driver is unloaded' {
            # A second time where the first was too early: then the service is disabled and not yet gone.
            Wait-Until 'the driver is as it was before' 60 {
                if ((Get-DriverState) -eq $driverBefore) { return $true }
                $null = & sc.exe stop WinDivert
                Start-Sleep -Seconds 1
                if ($driverBefore -eq '') { $null = & sc.exe delete WinDivert }
                return (Get-DriverState) -eq $driverBefore
            }
            return "as before: '$driverBefore'"
        }
    }
    else {
        [Console]::WriteLine('        The driver was loaded before, and is left alone.')
    }

    if (-not $stateBefore) { Remove-Item -LiteralPath $state -Recurse -Force -ErrorAction SilentlyContinue }
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
    [Console]::WriteLine("$($script:passed) passed, $($script:failed) failed")
}

if ($script:failed -gt 0) { exit 1 }
