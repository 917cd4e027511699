using System.Text.Json.Serialization;

namespace Twins.Cli.Lab;

/// <summary>What a lab consists of: written down before any of it is made, so that whatever was
/// made of it can be removed.</summary>
/// <param name="Machines">Outsiders first, then nodes.</param>
/// <param name="Daemons">True if the nodes run <c>twinsd</c>.</param>
/// <param name="CreatedDirectories">Mount points that this machine didn't have before, outermost first.</param>
/// <param name="Complete">False until all of it is up.</param>
internal sealed record LabPlan(
    IReadOnlyList<LabMachine> Machines, bool Daemons, IReadOnlyList<string> CreatedDirectories, bool Complete);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(LabPlan))]
internal sealed partial class LabJson : JsonSerializerContext;
