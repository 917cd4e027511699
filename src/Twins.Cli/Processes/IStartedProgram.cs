namespace Twins.Cli.Processes;

/// <summary>A program that is being started with the hook in it.</summary>
internal interface IStartedProgram : IDisposable
{
    /// <summary>Its PID, once it runs (<see cref="UntilRunningAsync"/>).</summary>
    int Pid { get; }

    /// <summary>True once its end has been noticed: <see cref="WaitAsync"/> won't wait any more.</summary>
    bool HasEnded { get; }

    /// <summary>True while the system says that it runs. It may have ended without <see cref="HasEnded"/> knowing.</summary>
    bool IsAlive { get; }

    /// <summary>Waits until the program itself runs, not what launches it; or until it has ended, or couldn't be started.</summary>
    /// <exception cref="CliException">That took too long.</exception>
    Task UntilRunningAsync(CancellationToken cancellation);

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code, or the launcher's, which has then said why it didn't start it.</returns>
    Task<int> WaitAsync();

    /// <summary>Until this is disposed, Ctrl-C and its like go to the program, as in a shell; what it does then is its own affair.</summary>
    IDisposable PassSignalsOn();

    /// <summary>Leaves it running on its own.</summary>
    void LetGo();

    /// <summary>Ends it and what it has started, and waits for its end.</summary>
    Task StopAsync();
}
