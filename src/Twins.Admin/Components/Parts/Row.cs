namespace Twins.Admin.Components.Parts;

/// <summary>
/// A row of a live table. Rows are equal when they are about the same thing: MudTable then changes the row that is there. By its
/// values it would make another one with each snapshot, under the visitor's pointer, keyboard and selection.
/// </summary>
internal sealed class Row<T>(string key, T value) : IEquatable<Row<T>>
{
    /// <summary>What it says now.</summary>
    public T Value { get; } = value;

    private string Key { get; } = key;

    /// <inheritdoc/>
    public bool Equals(Row<T>? other) => other is not null && other.Key == Key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Row<T>);

    /// <inheritdoc/>
    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);
}

/// <summary>Makes rows.</summary>
internal static class Row
{
    /// <summary>A row for each thing; <paramref name="key"/> says which thing it is, the same key again another one.</summary>
    public static List<Row<T>> Of<T>(IEnumerable<T> values, Func<T, string> key)
    {
        var seen = new Dictionary<string, int>();
        return [.. values.Select(value =>
        {
            var name = key(value);
            var times = seen[name] = seen.GetValueOrDefault(name) + 1;
            return new Row<T>($"{name} {times}", value);
        })];
    }
}
