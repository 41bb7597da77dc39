using System.Runtime.InteropServices;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// Has the C library overwrite what is freed while operations of OpenPGP run: librnp wipes its keys, but not every buffer through which a
/// plaintext went. Only glibc can do that, and only with blocks over a kilobyte, because it keeps smaller ones for their next use as they
/// are (unless <c>GLIBC_TUNABLES=glibc.malloc.tcache_count=0</c> forbids it); elsewhere they stay until they are used again.
/// </summary>
internal static partial class FreedMemory
{
    private const int Perturb = -6; // malloc.h: M_PERTURB
    private const int Fill = 0xA5;

    private static readonly Lock Turn = new();
    private static int _users;

    /// <summary>From now on, until as many have left as have entered.</summary>
    public static void Enter()
    {
        lock (Turn)
        {
            if (_users++ == 0)
            {
                Set(Fill);
            }
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    public static void Leave()
    {
        lock (Turn)
        {
            if (--_users == 0)
            {
                Set(0);
            }
        }
    }

    private static void Set(int value)
    {
        try
        {
            _ = mallopt(Perturb, value);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library.
        }
    }

    [LibraryImport("libc.so.6"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int mallopt(int parameter, int value);
}
