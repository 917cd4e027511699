namespace Twins.Manager.Settings;

/// <summary>What a setting means, for whoever sets it: the one place from which docs/settings.md and the man page have it.</summary>
/// <param name="meaning">Sentences. What is allowed, and the default, are said by the other attributes and the property's value.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingAttribute(string meaning) : Attribute
{
    public string Meaning { get; } = meaning;

    /// <summary>The default in words, where its value differs from machine to machine or says nothing.</summary>
    public string? Default { get; init; }
}
