using System.Text;

namespace Twins.Capture;

/// <summary>The stable words for values: kebab-case, as JSON, comments and people have them.</summary>
public static class Words
{
    /// <summary>The word for a value, such as <c>peer-home</c>.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum
    {
        var text = new StringBuilder();
        foreach (var letter in value.ToString())
        {
            if (char.IsUpper(letter) && text.Length > 0)
                text.Append('-');
            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }

    /// <summary>The words for marks.</summary>
    public static IReadOnlyList<string> Of(TcpMarks marks) =>
        marks == TcpMarks.None ? [] : [.. Enum.GetValues<TcpMarks>().Where(mark => mark != TcpMarks.None && (marks & mark) != 0).Select(mark => Of<TcpMarks>(mark))];

    /// <summary>The value of a word; the first value for one that isn't known.</summary>
    public static T Parse<T>(string word)
        where T : struct, Enum
    {
        foreach (var value in Enum.GetValues<T>())
        {
            if (Of(value) == word)
                return value;
        }

        return default;
    }
}
