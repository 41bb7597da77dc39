namespace Sparekey.Server.Tests.Dialects;

/// <summary>One server, one team and one program of clients for a whole class; every test has a person of its own.</summary>
public sealed class DfnsFixture : IAsyncLifetime
{
    private int _people;

    internal RunningServer Server { get; private set; } = null!;

    internal DfnsScene Scene { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await RunningServer.Start();
        Scene = await DfnsScene.Start("0.8", Server);
    }

    public async ValueTask DisposeAsync()
    {
        await Scene.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>An address that nobody else has.</summary>
    public string NewPerson() => $"person-{Interlocked.Increment(ref _people)}@example.com";
}
