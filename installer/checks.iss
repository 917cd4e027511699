[Code]
{ What is refused before anything changes: an older version over a newer one, a folder that users may write to.
  The oldest Windows and the processor are directives in setup.iss. }

const
  UninstallKey = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\Twins_is1';

{ The version that is installed; empty where none is. }
function InstalledVersion: String;
begin
  if not RegQueryStringValue(HKLM64, UninstallKey, 'DisplayVersion', Result) then
    Result := '';
end;

<event('InitializeSetup')>
function RefuseDowngrade: Boolean;
var
  Installed, This: Int64;
begin
  Result := True;
  if not StrToVersion('{#Version}', This) or not StrToVersion(InstalledVersion, Installed) then
    exit;
  if ComparePackedVersion(Installed, This) > 0 then begin
    SuppressibleMsgBox('Twins ' + InstalledVersion + ' is installed, which is newer than {#Version}. '
      + 'An older version may not understand its table. To go back, uninstall it first; that can keep the data, which then may have to be removed by hand.',
      mbCriticalError, MB_OK, IDOK);
    Result := False;
  end;
end;

{ What is wrong with the folder; empty if nothing is. /DIR= can name any. }
function FolderFault: String;
var
  ProgramFiles: String;
begin
  Result := '';
  ProgramFiles := AddBackslash(ExpandConstant('{commonpf64}'));
  if CompareText(Copy(ExpandConstant('{app}'), 1, Length(ProgramFiles)), ProgramFiles) <> 0 then
    Result := 'Twins is installed below ' + ProgramFiles + ' only: its service is LocalSystem, and whoever may write to its folder would be, too.';
end;
