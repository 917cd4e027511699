using System.CommandLine;
using Grpc.Core;
using Spectre.Console;
using Twins.Cli.Client;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins doctor</c>: what this node lacks, and the remedy for each.</summary>
internal static class DoctorCommand
{
    public static Command Create(CliEnvironment environment)
    {
        var clean = new Option<bool>("--remove-leftovers")
        {
            Description = "Remove rules, cabins and files that belong to no process",
        };
        Command command = new Command("doctor",
            "Check kernel, CRIU, rights and leftovers of this node; say the remedy for what is wrong") { clean }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            var diagnoses = new List<DiagnosisDocument>(Files(environment.Installation));
            int exitCode = await AskDaemonAsync(environment, result.GetValue(clean), diagnoses, cancellation);
            if (result.WantsJson())
                environment.Out.WriteJson(diagnoses, JsonDocuments.Readable.IReadOnlyListDiagnosisDocument);
            else
                Show(environment, diagnoses);
            return exitCode != ExitCode.Done ? exitCode
                : diagnoses.Any(diagnosis => diagnosis.Outcome == "failed") ? ExitCode.Failed : ExitCode.Done;
        });
    }

    private static async Task<int> AskDaemonAsync(
        CliEnvironment environment, bool clean, List<DiagnosisDocument> diagnoses, CancellationToken cancellation)
    {
        try
        {
            DiagnoseReply reply = await environment.Client().DiagnoseAsync(
                new DiagnoseRequest { RemoveLeftovers = clean }, cancellationToken: cancellation);
            diagnoses.Add(new DiagnosisDocument("daemon", "ok", "twinsd answers", ""));
            diagnoses.AddRange(reply.Diagnoses.Select(diagnosis => new DiagnosisDocument(
                diagnosis.Check, diagnosis.Outcome, diagnosis.Detail, diagnosis.Remedy)));
            return ExitCode.Done;
        }
        catch (RpcException failure) when (failure.StatusCode is StatusCode.Unavailable or StatusCode.PermissionDenied)
        {
            CliException explained = RpcFailure.Explain(failure, environment);
            diagnoses.Add(new DiagnosisDocument("daemon", "failed", explained.Message,
                explained.ExitCode == ExitCode.NotPermitted ? "run twins doctor as root" : $"start it as root: {environment.Installation.DaemonStart}"));
            return explained.ExitCode;
        }
    }

    private static IEnumerable<DiagnosisDocument> Files(Installation installation)
    {
        yield return Built("daemon-file", installation.Daemon, installation.Remedy);
        yield return Built("hook-launcher", installation.Launcher, installation.Remedy);
        yield return Built("hook-library", installation.HookLibrary, installation.Remedy);
    }

    private static DiagnosisDocument Built(string check, string path, string remedy) => File.Exists(path)
        ? new DiagnosisDocument(check, "ok", path, "")
        : new DiagnosisDocument(check, "failed", $"{path} isn't there", remedy);

    private static void Show(CliEnvironment environment, List<DiagnosisDocument> diagnoses)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("check", "outcome", "detail", "remedy");
        foreach (DiagnosisDocument diagnosis in diagnoses)
        {
            table.AddRow(
                Markup.Escape(diagnosis.Check), Markup.Escape(diagnosis.Outcome),
                Markup.Escape(diagnosis.Detail), Markup.Escape(diagnosis.Remedy));
        }
        environment.OutConsole().Write(table);
    }
}
