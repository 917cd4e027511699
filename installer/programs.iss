[Code]
{ The programs of Twins that run: ended in order (tray, service, twins) before files change, started afterwards. }

const
  ServiceKey = 'SYSTEM\CurrentControlSet\Services\twinsd';
  DriverKey = 'SYSTEM\CurrentControlSet\Services\WinDivert';
  StartDisabled = 4;
  ServiceFailed = 10; { Setup's exit code, docs/installing-on-windows.md }
  ConnectionsRemain = 'This node still holds or redirects connections. They end with its twins.';

var
  IsInterrupted: Boolean; { the service was stopped, and is to run again if nothing comes of it }
  HasServiceFailed: Boolean;

function ServiceProgram: String;
begin
  if RegQueryStringValue(HKLM64, ServiceKey, 'ImagePath', Result) then
    Result := RemoveQuotes(Result)
  else
    Result := '';
end;

function Twins(const Parameters: String; var Said: String): Boolean;
begin
  Result := Execute(ExpandConstant('{app}\twins.exe'), Parameters, Said) = 0;
end;

{ Windows lets nobody open the file of a running program for writing. }
function IsRunning(const Name: String): Boolean;
var
  Stream: TFileStream;
begin
  Result := False;
  if not FileExists(ExpandConstant('{app}\') + Name) then
    exit;
  try
    Stream := TFileStream.Create(ExpandConstant('{app}\') + Name, fmOpenReadWrite or fmShareDenyNone);
    Stream.Free;
  except
    Result := True;
  end;
end;

{ Ends what runs from this file, of any user and in any session, and nothing else that has its name. }
procedure EndAll(const Name: String);
var
  Windows, Processes, Process: Variant;
  I: Integer;
begin
  if not IsRunning(Name) then
    exit;
  try
    Windows := CreateOleObject('WbemScripting.SWbemLocator');
    Windows := Windows.ConnectServer('.', 'root\cimv2');
    Processes := Windows.ExecQuery('SELECT ProcessId, ExecutablePath FROM Win32_Process WHERE Name = ''' + Name + '''');
    for I := 0 to Processes.Count - 1 do begin
      Process := Processes.ItemIndex(I);
      if not VarIsNull(Process.ExecutablePath) and (CompareText(Process.ExecutablePath, ExpandConstant('{app}\') + Name) = 0) then
        ExecuteSystem('taskkill.exe', '/F /PID ' + IntToStr(Process.ProcessId));
    end;
  except
    Log('Processes of ' + Name + ' cannot be found: ' + GetExceptionMessage);
  end;
end;

function StartService: Boolean;
var
  Start: Cardinal;
  Said: String;
begin
  Result := True;
  IsInterrupted := False;
  if RegQueryDWordValue(HKLM64, ServiceKey, 'Start', Start) and (Start = StartDisabled) then begin
    Log('The service is disabled and stays so.');
    exit;
  end;
  Result := Twins('service start', Said);
  if not Result then
    SuppressibleMsgBox('The service does not run: ' + Said, mbError, MB_OK, IDOK);
end;

{ Ends tray, service and twins. What kept it from that; empty if it is done. }
function EndPrograms: String;
var
  Said: String;
begin
  Result := '';
  { By a word where it can be reached; in other users' sessions it can't be. }
  if IsRunning('twins-tray.exe') then
    Execute(ExpandConstant('{app}\twins-tray.exe'), '--quit', Said);
  EndAll('twins-tray.exe');
  if ServiceProgram <> '' then begin
    if not Twins('service stop', Said) then begin
      Result := 'The service cannot be stopped: ' + Said;
      exit;
    end;
    IsInterrupted := True;
  end;
  { Idle twins have ended with it. }
  if IsRunning('twin.exe') and not HasSwitch('/ENDCONNECTIONS') then
    if SuppressibleMsgBox(ConnectionsRemain + ' Go on?', mbConfirmation, MB_YESNO or MB_DEFBUTTON2, IDNO) <> IDYES then begin
      Result := ConnectionsRemain + ' Release them (twins ls, twins release), or give /ENDCONNECTIONS.';
      StartService;
      exit;
    end;
  EndAll('twin.exe');
end;

{ The driver stays loaded when its last user ends. Another program's is left alone. }
procedure RemoveDriver;
var
  Driver: String;
begin
  if not RegQueryStringValue(HKLM64, DriverKey, 'ImagePath', Driver) then
    exit;
  if Pos(Lowercase(ExpandConstant('{app}\')), Lowercase(Driver)) = 0 then begin
    Log('The driver ' + Driver + ' belongs to another program and stays.');
    exit;
  end;
  ExecuteSystem('sc.exe', 'stop WinDivert');
  ExecuteSystem('sc.exe', 'delete WinDivert');
end;

<event('PrepareToInstall')>
function EndProgramsOfOldVersion(var NeedsRestart: Boolean): String;
var
  Service: String;
begin
  Result := FolderFault;
  if Result <> '' then
    exit;
  Service := ServiceProgram;
  if (Service <> '') and (CompareText(Service, ExpandConstant('{app}\twinsd.exe')) <> 0) then
    Result := 'The service twinsd is installed from elsewhere: ' + Service + '. Remove it first, with the twins.exe there: twins service remove.'
  else
    Result := EndPrograms;
  if Result = '' then
    RemoveDriver
  else
    Log(Result);
end;

<event('CurStepChanged')>
procedure StartNewVersion(CurStep: TSetupStep);
var
  Said: String;
begin
  if CurStep <> ssPostInstall then
    exit;
  if (ServiceProgram = '') and not Twins('service install', Said) then begin
    SuppressibleMsgBox('The service cannot be registered: ' + Said, mbError, MB_OK, IDOK);
    HasServiceFailed := True;
  end else
    HasServiceFailed := not StartService;
end;

function GetCustomSetupExitCode: Integer;
begin
  if HasServiceFailed then
    Result := ServiceFailed
  else
    Result := 0;
end;

<event('DeinitializeSetup')>
procedure StartOldVersionAgain;
begin
  if IsInterrupted then
    StartService;
end;

<event('InitializeUninstall')>
function EndProgramsBeforeRemoval: Boolean;
var
  Fault: String;
begin
  Fault := EndPrograms;
  Result := Fault = '';
  if not Result then
    SuppressibleMsgBox(Fault, mbCriticalError, MB_OK, IDOK);
end;

<event('CurUninstallStepChanged')>
procedure RemoveService(CurUninstallStep: TUninstallStep);
var
  Said: String;
begin
  if CurUninstallStep <> usUninstall then
    exit;
  IsInterrupted := False;
  if (ServiceProgram <> '') and not Twins('service remove', Said) then
    SuppressibleMsgBox('The service cannot be removed: ' + Said, mbError, MB_OK, IDOK);
  RemoveDriver;
end;

{ The user didn't want to, after all. }
<event('DeinitializeUninstall')>
procedure StartServiceAgain;
begin
  if IsInterrupted then
    StartService;
end;
