[Code]
{ The folder in the machine's PATH. }

const
  EnvironmentKey = 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment';

{ Without the folder, and with it at the end. All other entries stay as they are, in their order. }
function PathWithout(Path, Folder: String): String;
var
  Entry: String;
  Separator: Integer;
begin
  Result := '';
  while Path <> '' do begin
    Separator := Pos(';', Path);
    if Separator = 0 then
      Separator := Length(Path) + 1;
    Entry := Copy(Path, 1, Separator - 1);
    Delete(Path, 1, Separator);
    if CompareText(RemoveBackslashUnlessRoot(Entry), Folder) <> 0 then begin
      if Result <> '' then
        Result := Result + ';';
      Result := Result + Entry;
    end;
  end;
end;

procedure ChangePath(const IsIn: Boolean);
var
  Path, Changed: String;
begin
  if not RegQueryStringValue(HKLM64, EnvironmentKey, 'Path', Path) then
    exit;
  Changed := PathWithout(Path, ExpandConstant('{app}'));
  if IsIn then
    Changed := Changed + ';' + ExpandConstant('{app}');
  if (Changed <> Path) and not RegWriteExpandStringValue(HKLM64, EnvironmentKey, 'Path', Changed) then
    Log('PATH cannot be changed.');
end;

<event('CurStepChanged')>
procedure AddToPath(CurStep: TSetupStep);
begin
  if CurStep = ssPostInstall then
    ChangePath(True);
end;

<event('CurUninstallStepChanged')>
procedure RemoveFromPath(CurUninstallStep: TUninstallStep);
begin
  if CurUninstallStep = usUninstall then
    ChangePath(False);
end;
