namespace Twins.Manager.Settings;

/// <summary>Settings that can't be used; the message has a line for each fault.</summary>
internal sealed class SettingsException(IReadOnlyList<SettingFault> faults)
    : Exception("The settings can't be used:" + string.Concat(faults.Select(fault => $"\n  {fault}")))
{
    public IReadOnlyList<SettingFault> Faults { get; } = faults;
}
