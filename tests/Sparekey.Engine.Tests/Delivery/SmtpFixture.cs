using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>One SMTP server for a class of tests.</summary>
public sealed class SmtpFixture : IAsyncLifetime
{
    public SmtpServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await SmtpServer.Start();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
