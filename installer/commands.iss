[Code]
{ Commands that the other parts run, and the switches of Setup's own that they look at. }

const
  CannotRun = -1;

{ Runs a program without a window and waits for it. Its exit code, or CannotRun; Said is what it printed, in one line.
  Command, code and output are in the log. }
function Execute(const Filename, Parameters: String; var Said: String): Integer;
var
  Output: TExecOutput;
  I: Integer;
begin
  Said := '';
  if not ExecAndCaptureOutput(Filename, Parameters, '', SW_HIDE, ewWaitUntilTerminated, Result, Output) then begin
    Said := SysErrorMessage(Result);
    Result := CannotRun;
  end;
  for I := 0 to GetArrayLength(Output.StdOut) - 1 do
    Said := Trim(Said + ' ' + Output.StdOut[I]);
  for I := 0 to GetArrayLength(Output.StdErr) - 1 do
    Said := Trim(Said + ' ' + Output.StdErr[I]);
  Log(Format('"%s" %s: exit code %d. %s', [Filename, Parameters, Result, Said]));
end;

{ One of Windows' own programs; whether it did it. }
function ExecuteSystem(const Name, Parameters: String): Boolean;
var
  Said: String;
begin
  Result := Execute(ExpandConstant('{sys}\') + Name, Parameters, Said) = 0;
end;

function HasSwitch(const Name: String): Boolean;
var
  I: Integer;
begin
  Result := False;
  for I := 1 to ParamCount do
    Result := Result or (CompareText(ParamStr(I), Name) = 0);
end;
