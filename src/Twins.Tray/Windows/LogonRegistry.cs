using Microsoft.Win32;
using Twins.Tray.Menu;

namespace Twins.Tray.Windows;

/// <summary>Whether Windows starts this program when the user logs on: the value <c>Twins Tray</c> of the key <c>Run</c>.</summary>
internal static class LogonRegistry
{
    /// <summary>The value's name, also of the installer's, for all users.</summary>
    public const string Name = "Twins Tray";

    private const string Run = @"Software\Microsoft\Windows\CurrentVersion\Run";

    public static LogonStart Read()
    {
        using var everybody = Registry.LocalMachine.OpenSubKey(Run);
        if (everybody?.GetValue(Name) is not null)
            return LogonStart.AllUsers;
        using var user = Registry.CurrentUser.OpenSubKey(Run);
        return user?.GetValue(Name) is not null ? LogonStart.ThisUser : LogonStart.No;
    }

    /// <summary>For this user, from now on or no more.</summary>
    /// <exception cref="UnauthorizedAccessException">A policy keeps the user from it.</exception>
    public static void Write(bool starts, string program)
    {
        using var user = Registry.CurrentUser.CreateSubKey(Run);
        if (starts)
            user.SetValue(Name, $"\"{program}\"");
        else
            user.DeleteValue(Name, throwOnMissingValue: false);
    }
}
