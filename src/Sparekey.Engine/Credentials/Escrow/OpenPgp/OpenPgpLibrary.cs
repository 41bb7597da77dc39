using System.Runtime.InteropServices;
using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// The library that does OpenPGP (librnp, 0.16 or later). It is loaded at the first use; everything else of the server works without it.
/// <c>SPAREKEY_OPENPGP_LIBRARY</c> in the environment names its file where it has another name or place.
/// </summary>
public static class OpenPgpLibrary
{
    /// <summary>The name by which the functions ask for it.</summary>
    internal const string Name = "librnp";

    private const uint Oldest = 16 << 10;

    private static readonly Lazy<(bool Works, string? Version)> Found = new(Find);

    /// <summary>Whether it is on this machine, and not too old.</summary>
    public static bool IsAvailable => Found.Value.Works;

    /// <summary>Its version, for example <c>0.16.3</c>, or null when it is missing.</summary>
    public static string? Version => Found.Value.Version;

    /// <summary>The refusal when it is missing, else null. Use cases ask this first.</summary>
    public static Refusal? Missing =>
        IsAvailable ? null : new Refusal(RefusalCode.OpenpgpUnavailable, "The library librnp (0.16 or later) is not installed on this machine.");

    /// <summary>Throws when it is missing.</summary>
    /// <exception cref="OpenPgpUnavailableException">It is missing.</exception>
    public static void Require()
    {
        if (!IsAvailable)
        {
            throw new OpenPgpUnavailableException();
        }
    }

    private static (bool Works, string? Version) Find()
    {
        // Loaded once: every function asks for it anew, at its own first use.
        var library = Load();
        NativeLibrary.SetDllImportResolver(
            typeof(OpenPgpLibrary).Assembly, (name, _, _) => string.Equals(name, Name, StringComparison.Ordinal) ? library : 0);
        try
        {
            return library == 0 ? (false, null) : (Rnp.rnp_version() >= Oldest, Marshal.PtrToStringUTF8(Rnp.rnp_version_string()));
        }
        catch (EntryPointNotFoundException)
        {
            return (false, null);
        }
    }

    private static nint Load()
    {
        var configured = Environment.GetEnvironmentVariable("SPAREKEY_OPENPGP_LIBRARY");
        string[] names = configured is { Length: > 0 } ? [configured] : ["librnp.so.0", "librnp.0.dylib", "librnp.so"];
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, typeof(OpenPgpLibrary).Assembly, DllImportSearchPath.SafeDirectories, out var library))
            {
                return library;
            }
        }

        return 0;
    }
}

/// <summary>OpenPGP was used without its library.</summary>
public sealed class OpenPgpUnavailableException : InvalidOperationException
{
    /// <summary>The one message.</summary>
    public OpenPgpUnavailableException()
        : base("The OpenPGP library (librnp.so.0, 0.16 or later) is missing. Install librnp0.")
    {
    }
}
