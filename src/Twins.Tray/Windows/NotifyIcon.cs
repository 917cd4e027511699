using Twins.Tray.Balloons;

namespace Twins.Tray.Windows;

/// <summary>The icon in the taskbar's notification area. For the window's thread.</summary>
/// <param name="window">Which is told of the mouse and the keyboard.</param>
/// <param name="callback">By this message, as NOTIFYICON_VERSION_4 has it.</param>
internal sealed unsafe class NotifyIcon(nint window, uint callback)
{
    /// <summary>Of the one icon of the window.</summary>
    public const uint Identifier = 1;

    private const uint Add = 0;         // NIM_ADD
    private const uint Modify = 1;      // NIM_MODIFY
    private const uint Delete = 2;      // NIM_DELETE
    private const uint SetVersion = 4;  // NIM_SETVERSION
    private const uint Version4 = 4;    // NOTIFYICON_VERSION_4
    private const uint HasMessage = 1;  // NIF_MESSAGE
    private const uint HasIcon = 2;     // NIF_ICON
    private const uint HasTip = 4;      // NIF_TIP
    private const uint HasInfo = 0x10;  // NIF_INFO
    private const uint ShowTip = 0x80;  // NIF_SHOWTIP

    /// <summary>Whether the taskbar has it, as far as is known.</summary>
    public bool IsThere { get; private set; }

    /// <summary>Puts it there, or changes it.</summary>
    /// <returns>False: there is no taskbar yet, or it doesn't answer.</returns>
    public bool Show(nint icon, string tooltip)
    {
        var data = New(HasMessage | HasIcon | HasTip | ShowTip);
        data.Icon = icon;
        Copy(tooltip, new Span<char>(data.Tip, 128));
        if (IsThere && Native.ShellNotifyIcon(Modify, &data))
            return true;
        // A taskbar that was slow to answer may have it already.
        IsThere = Native.ShellNotifyIcon(Add, &data) || Native.ShellNotifyIcon(Modify, &data);
        if (!IsThere)
            return false;
        data.Version = Version4;
        _ = Native.ShellNotifyIcon(SetVersion, &data);
        return true;
    }

    /// <summary>The taskbar has been started anew and knows nothing.</summary>
    public void Forget() => IsThere = false;

    /// <summary>Shows a message beside it; the system may show it later, or not at all, as the user has set.</summary>
    public void Show(Balloon balloon)
    {
        var data = New(HasInfo);
        Copy(balloon.Text, new Span<char>(data.Info, 256));
        Copy(balloon.Title, new Span<char>(data.InfoTitle, 64));
        data.InfoFlags = balloon.Kind switch
        {
            BalloonKind.Information => 1, // NIIF_INFO
            BalloonKind.Warning => 2,     // NIIF_WARNING
            _ => 3,                       // NIIF_ERROR
        };
        _ = Native.ShellNotifyIcon(Modify, &data);
    }

    public void Remove()
    {
        var data = New(0);
        _ = Native.ShellNotifyIcon(Delete, &data);
        IsThere = false;
    }

    private NotifyIconData New(uint flags) => new()
    {
        Size = (uint)sizeof(NotifyIconData), Window = window, Identifier = Identifier, Flags = flags, CallbackMessage = callback,
    };

    // The rest of the structure is zero.
    private static void Copy(string text, Span<char> to) => text.AsSpan(0, Math.Min(text.Length, to.Length - 1)).CopyTo(to);
}
