[Code]
{ Settings, table, keys: kept by every installation, removed with the last one unless somebody says no. }

const
  FileAttributeReparsePoint = $400;

{ Every user can make directories in %ProgramData%: a link there would lead to somebody else's files. }
function IsLink(const Path: String): Boolean;
var
  Found: TFindRec;
begin
  Result := False;
  if FindFirst(Path, Found) then begin
    Result := Found.Attributes and FileAttributeReparsePoint <> 0;
    FindClose(Found);
  end;
end;

<event('CurUninstallStepChanged')>
procedure RemoveData(CurUninstallStep: TUninstallStep);
var
  Folder: String;
begin
  Folder := ExpandConstant('{commonappdata}\Twins');
  if (CurUninstallStep <> usPostUninstall) or not DirExists(Folder) then
    exit;
  if HasSwitch('/KEEPDATA') or (SuppressibleMsgBox('Remove the settings, the table, the audit log and the keys of this node, too? They are in '
    + Folder + '. Without them it is no member of its cluster any more.', mbConfirmation, MB_YESNO or MB_DEFBUTTON2, IDYES) <> IDYES) then
    Log(Folder + ' stays.')
  else if IsLink(Folder) then
    SuppressibleMsgBox(Folder + ' is a link to somewhere else, and what it leads to stays.', mbError, MB_OK, IDOK)
  else if not DelTree(Folder, True, True, True) then
    SuppressibleMsgBox('Not all of ' + Folder + ' can be removed.', mbError, MB_OK, IDOK);
end;
