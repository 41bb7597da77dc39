using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Sparekey.Engine.Storage;

/// <summary>
/// Which SQLite runs. The packages bundle an old one; the system's own gets security fixes, so that it is taken when it is
/// there and newer. Decided once, before the first connection.
/// </summary>
public static class SqliteLibrary
{
    private const string SystemName = "libsqlite3.so.0";
    private const string BundledName = "e_sqlite3";

    private static readonly Lazy<bool> Bound = new(Bind);
    private static readonly Lazy<(nint Handle, bool IsSystem)> Chosen = new(() => Newer(SystemName, BundledName));

    /// <summary>The version of the library in use, for example <c>3.40.1</c>.</summary>
    public static string Version => Bound.Value ? raw.sqlite3_libversion().utf8_to_string() : string.Empty;

    /// <summary>Whether the system's library was taken.</summary>
    public static bool IsSystem => Bound.Value && Chosen is { IsValueCreated: true, Value.IsSystem: true };

    /// <summary>Binds the library; every later call does nothing.</summary>
    internal static void Use() => _ = Bound.Value;

    /// <summary>Opens the newer of two libraries.</summary>
    /// <param name="system">The name or path of the system's.</param>
    /// <param name="bundled">The name or path of the bundled.</param>
    /// <returns>The handle, zero when neither can be opened, and whether it is the system's.</returns>
    internal static (nint Handle, bool IsSystem) Newer(string system, string bundled)
    {
        var ours = Open(bundled);
        var theirs = Open(system);
        if (theirs.Version > ours.Version)
        {
            Close(ours.Handle);
            return (theirs.Handle, true);
        }

        Close(theirs.Handle);
        return (ours.Handle, false);
    }

    private static bool Bind()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        Batteries_V2.Init();
        return true;
    }

    // Called for every imported function; all must come from one library. Zero means the usual search.
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == BundledName && OperatingSystem.IsLinux() ? Chosen.Value.Handle : 0;

    // A library that is missing or is no SQLite has version 0 and is never the newer one.
    private static (nint Handle, int Version) Open(string name)
    {
        if (!NativeLibrary.TryLoad(name, typeof(SQLite3Provider_e_sqlite3).Assembly, null, out var handle))
        {
            return (0, 0);
        }

        if (!NativeLibrary.TryGetExport(handle, "sqlite3_libversion_number", out var function))
        {
            Close(handle);
            return (0, 0);
        }

        return (handle, Marshal.GetDelegateForFunctionPointer<VersionNumber>(function)());
    }

    private static void Close(nint handle)
    {
        if (handle != 0)
        {
            NativeLibrary.Free(handle);
        }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int VersionNumber();
}
