[Code]
{ The firewall's rule for the node API, and the ports that Windows gives to nobody else. }

const
  FirewallRule = 'Twins node API';

procedure CloseFirewall;
begin
  ExecuteSystem('netsh.exe', 'advfirewall firewall delete rule name="' + FirewallRule + '"');
end;

procedure OpenFirewall;
begin
  if not ExecuteSystem('netsh.exe', 'advfirewall firewall add rule name="' + FirewallRule + '" dir=in action=allow profile=domain,private'
    + ' protocol=TCP localport={#NodeApiPorts} program="' + ExpandConstant('{app}\twinsd.exe') + '"') then
    SuppressibleMsgBox('The firewall takes no rule for the node API (TCP {#NodeApiPorts}). Add one by hand: other nodes do not reach this one without it.', mbError, MB_OK, IDOK);
end;

function PortRange: String;
begin
  Result := Format('excludedportrange protocol=tcp startport=%d numberofports=%d', [{#FirstRedirectPort}, {#LastRedirectPort} - {#FirstRedirectPort} + 1]);
end;

{ Only a range that this installer has made is its to give back. }
function HasOurPorts: Boolean;
begin
  Result := GetPreviousData('Ports', '') = PortRange;
end;

procedure FreePorts;
begin
  if HasOurPorts then
    ExecuteSystem('netsh.exe', 'int ipv4 delete ' + PortRange);
end;

var
  KeepsPorts: Boolean;

<event('CurStepChanged')>
procedure SetUpNetwork(CurStep: TSetupStep);
begin
  if CurStep <> ssInstall then
    exit;
  if InstalledVersion <> '' then
    CloseFirewall;
  if WizardIsTaskSelected('cluster') then
    OpenFirewall;
  if not WizardIsTaskSelected('ports') then
    FreePorts
  else
    { Refused where one of the ports is in use or excluded already: 'twins doctor' then says what to do. }
    KeepsPorts := HasOurPorts or ExecuteSystem('netsh.exe', 'int ipv4 add ' + PortRange + ' store=persistent');
end;

procedure RegisterPreviousData(PreviousDataKey: Integer);
begin
  if KeepsPorts then
    SetPreviousData(PreviousDataKey, 'Ports', PortRange);
end;

<event('CurUninstallStepChanged')>
procedure RemoveNetwork(CurUninstallStep: TUninstallStep);
begin
  if CurUninstallStep <> usUninstall then
    exit;
  CloseFirewall;
  FreePorts;
end;
