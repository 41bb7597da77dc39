namespace Sparekey.Server.Cli;

/// <summary>What the process says when it ends; <c>docs/cli.md</c> explains each (the higher ones as in sysexits.h).</summary>
internal static class ExitCode
{
    /// <summary>It was done.</summary>
    public const int Done = 0;

    /// <summary>The server refused; the problem is on the error stream.</summary>
    public const int Refused = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>The server, or a file, cannot be reached.</summary>
    public const int Unavailable = 69;

    /// <summary>A setting, the key file or the data directory is not usable.</summary>
    public const int Configuration = 78;
}
