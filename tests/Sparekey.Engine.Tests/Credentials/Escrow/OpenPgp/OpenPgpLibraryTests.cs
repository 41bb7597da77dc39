using System.Reflection;
using System.Runtime.Loader;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

public sealed class OpenPgpLibraryTests
{
    [Fact]
    public void The_library_is_here_and_says_its_version()
    {
        OpenPgpLibrary.IsAvailable.ShouldBeTrue();
        Version.Parse(OpenPgpLibrary.Version!).ShouldBeGreaterThanOrEqualTo(new Version(0, 16));
        OpenPgpLibrary.Missing.ShouldBeNull();
    }

    [Theory]
    [InlineData("/nowhere/librnp.so.0")]
    [InlineData("libc.so.6")]
    public void Without_it_OpenPGP_is_refused_and_nothing_else_breaks(string library)
    {
        // Another copy of the engine looks for another file; this one found its own.
        OpenPgpLibrary.IsAvailable.ShouldBeTrue();
        Environment.SetEnvironmentVariable("SPAREKEY_OPENPGP_LIBRARY", library);
        try
        {
            var context = new AssemblyLoadContext(library, isCollectible: false);
            var copy = context.LoadFromAssemblyPath(typeof(OpenPgpLibrary).Assembly.Location);
            var types = copy.GetType(typeof(OpenPgpLibrary).FullName!)!;
            Of(types, "IsAvailable").ShouldBe(false);
            Of(types, "Version").ShouldBeNull();
            ((Refusal)Of(types, "Missing")!).Code.ShouldBe(RefusalCode.OpenpgpUnavailable);
            var thrown = Should.Throw<TargetInvocationException>(() => copy.GetType(typeof(PgpKey).FullName!)!.GetMethod("Read")!.Invoke(null, ["x"]));
            thrown.InnerException!.GetType().Name.ShouldBe(nameof(OpenPgpUnavailableException));

            // The outside of a message is read without it.
            var shape = copy.GetType(typeof(PgpMessageShape).FullName!)!.GetMethod("Read", [typeof(string)])!.Invoke(null, ["x"])!;
            ((Refusal)Of(shape.GetType(), "Refusal", shape)!).Code.ShouldBe(RefusalCode.OpenpgpRefused);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SPAREKEY_OPENPGP_LIBRARY", null);
        }

        static object? Of(Type type, string property, object? of = null) => type.GetProperty(property)!.GetValue(of);
    }
}
