[Code]
{ An upgrade in place: nothing of the old version stays in the folder. }

{ Windows doesn't delete a file that a program has mapped, and lets it be renamed: the hook in programs that run, the
  driver of another user of WinDivert. Such a file steps aside and goes with the next restart. }
procedure Clear(const Folder: String);
var
  Found: TFindRec;
  Path, Aside: String;
begin
  if not FindFirst(Folder + '\*', Found) then
    exit;
  try
    repeat
      Path := Folder + '\' + Found.Name;
      if (Found.Name = '.') or (Found.Name = '..') or (Pos('unins', Found.Name) = 1) then
        continue;
      if Found.Attributes and FILE_ATTRIBUTE_DIRECTORY <> 0 then
        Clear(Path)
      else if not DeleteFile(Path) and (ExtractFileExt(Path) <> '.old') then begin
        Aside := GenerateUniqueName(Folder, '.old');
        if RenameFile(Path, Aside) then begin
          Log(Path + ' is in use and goes with the next restart, as ' + Aside);
          RestartReplace(Aside, '');
        end;
      end;
    until not FindNext(Found);
  finally
    FindClose(Found);
  end;
end;

<event('CurStepChanged')>
procedure ClearFolder(CurStep: TSetupStep);
begin
  if (CurStep = ssInstall) and (InstalledVersion <> '') then
    Clear(ExpandConstant('{app}'));
end;
