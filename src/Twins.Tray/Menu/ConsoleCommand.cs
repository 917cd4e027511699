namespace Twins.Tray.Menu;

/// <summary>The CLI in a console window that stays open when it has ended.</summary>
internal static class ConsoleCommand
{
    /// <summary>Arguments for <c>cmd.exe</c>.</summary>
    /// <param name="cli">Path of <c>twins.exe</c>.</param>
    /// <param name="arguments">Words of letters, digits, '.', '_' and '-', as commands, options and names of processes are.</param>
    /// <exception cref="ArgumentException">Something that <c>cmd.exe</c> might understand in another way is in it.</exception>
    public static string Build(string cli, params string[] arguments)
    {
        if (cli.AsSpan().ContainsAny("\"%"))
            throw new ArgumentException($"{cli} can't be started in a console: install Twins in a directory without '%' in its name.");
        if (arguments.FirstOrDefault(word => word.Length == 0 || !word.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')) is { } word)
            throw new ArgumentException($"'{word}' is no command, option or name of a process.");
        // Of the outer quotes cmd takes off the first and the last, and leaves those between alone.
        return $"/k \"\"{cli}\" {string.Join(' ', arguments)}\"";
    }
}
