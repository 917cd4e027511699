; The installer for Windows, compiled by scripts/installer.sh: ./build.sh installer
; On its command line: Version (of Directory.Build.props), Programs (what scripts/build.sh windows makes), Output, Packing. What
; happens beside files and registry is in installer/, a file for each thing; docs/installing-on-windows.md says it for people.

#define FirstRedirectPort 61000
#define LastRedirectPort 65535
#define NodeApiPorts "7457,7458"

[Setup]
AppId=Twins
AppName=Twins
AppVersion={#Version}
AppVerName=Twins {#Version}
AppPublisher=The Twins authors
VersionInfoVersion={#Version}
UninstallDisplayName=Twins
SetupIconFile=src\Twins.Tray\Icons\twins.ico
UninstallDisplayIcon={app}\twins-tray.exe
OutputDir={#Output}
OutputBaseFilename=TwinsSetup-{#Version}
Compression={#Packing}
SolidCompression=yes
LZMAUseSeparateProcess=yes
WizardStyle=modern
; As the .NET runtime needs. WinDivert has no driver for ARM, and none for 32 bits here.
MinVersion=10.0.14393
ArchitecturesAllowed=x64os
ArchitecturesInstallIn64BitMode=x64os
PrivilegesRequired=admin
; Whoever may write there is LocalSystem: no other place is offered, and checks.iss refuses one.
DefaultDirName={commonpf64}\Twins
DisableDirPage=yes
DisableProgramGroupPage=yes
; programs.iss ends what has to end, in order. Windows would end users' programs that have the hook loaded.
CloseApplications=no
ChangesEnvironment=yes
SetupLogging=yes
UninstallLogging=yes

[Messages]
WindowsVersionNotSupported=Twins needs Windows 10 (version 1607), Windows Server 2016, or newer. This Windows is older.
OnlyOnTheseArchitectures=Twins needs 64-bit Windows on an Intel or AMD processor. There is no packet driver for this Windows.

[Tasks]
Name: cluster; Description: "Let other nodes reach this one: open TCP ports {#NodeApiPorts} in the firewall (private and domain networks)"; Flags: unchecked
Name: ports; Description: "Keep ports {#FirstRedirectPort}-{#LastRedirectPort} from other programs: redirected connections use them"
Name: tray; Description: "Show Twins in the notification area when a user logs on"

[Files]
Source: "{#Programs}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs uninsrestartdelete
Source: "LICENSE"; DestDir: "{app}\licenses"; DestName: "LICENSE.txt"; Flags: ignoreversion
Source: "THIRD-PARTY-NOTICES.md"; DestDir: "{app}\licenses"; Flags: ignoreversion
Source: "drivers\windivert\NOTICE"; DestDir: "{app}\licenses\windivert"; DestName: "NOTICE.txt"; Flags: ignoreversion
Source: "drivers\windivert\*GPL-3.txt"; DestDir: "{app}\licenses\windivert"; Flags: ignoreversion

[Registry]
; The source of twinsd in the event log; without it only LocalSystem could make it.
Root: HKLM64; Subkey: "SYSTEM\CurrentControlSet\Services\EventLog\Application\twinsd"; ValueType: expandsz; ValueName: "EventMessageFile"; ValueData: "{app}\System.Diagnostics.EventLog.Messages.dll"; Flags: uninsdeletekey
Root: HKLM64; Subkey: "SYSTEM\CurrentControlSet\Services\EventLog\Application\twinsd"; ValueType: dword; ValueName: "TypesSupported"; ValueData: "7"
Root: HKLM64; Subkey: "SOFTWARE\Microsoft\Windows\CurrentVersion\Run"; ValueType: none; ValueName: "Twins Tray"; Flags: deletevalue uninsdeletevalue
Root: HKLM64; Subkey: "SOFTWARE\Microsoft\Windows\CurrentVersion\Run"; ValueType: string; ValueName: "Twins Tray"; ValueData: """{app}\twins-tray.exe"""; Tasks: tray

[Icons]
Name: "{commonprograms}\Twins"; Filename: "{app}\twins-tray.exe"

[Run]
; As the user who started Setup, not elevated. Deployment tools have no such user: there it starts at the next logon.
Filename: "{app}\twins-tray.exe"; Flags: nowait runasoriginaluser skipifsilent; Tasks: tray

[UninstallDelete]
; What a program still had open when a newer version came.
Type: files; Name: "{app}\*.old"
Type: dirifempty; Name: "{app}"

#include "installer\commands.iss"
#include "installer\checks.iss"
#include "installer\programs.iss"
#include "installer\folder.iss"
#include "installer\network.iss"
#include "installer\path.iss"
#include "installer\data.iss"
