using Microsoft.Data.Sqlite;

namespace Twins.Table.Sqlite;

/// <summary>SQLite's result codes (sqlite.org/rescode.html) in words, with the remedy.</summary>
internal static class TableErrors
{
    public static TableException From(string operation, string path, SqliteException exception) =>
        new(operation, exception.SqliteExtendedErrorCode, exception.Message, Remedy(exception.SqliteErrorCode, path), exception);

    public static TableException Damaged(string operation, string path, string cause, Exception? inner = null) =>
        new(operation, 0, cause, DamagedRemedy(path), inner);

    public static TableException Newer(string path, long found, long known) => new(
        "Opening the table", 0, $"{path} has schema version {found}, this program knows {known}.",
        "A newer twinsd made it: install that version again, or move the file aside.");

    private static string Remedy(int code, string path) => code switch
    {
        11 or 26 => DamagedRemedy(path),
        13 => $"The disk is full: make room below {Path.GetDirectoryName(path)}.",
        5 or 6 => $"Another program holds {path}: is a second twinsd running?",
        8 or 23 or 3 => $"Check that {path} and its directory are root's and writable.",
        14 => $"Check that {Path.GetDirectoryName(path)} exists, is a directory and is writable.",
        10 => $"Check the file system below {Path.GetDirectoryName(path)} (dmesg says what it refused).",
        _ => $"Look at the file {path}.",
    };

    private static string DamagedRemedy(string path) =>
        $"The table is damaged: move it aside (mv {path} {path}.damaged; rm -f {path}-wal {path}-shm) and start twinsd again; "
        + "running processes go on, take them again with 'twins attach PID'.";
}
