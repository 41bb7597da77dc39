using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Slack;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;
using Sparekey.Server.Dialects.Cryptlex;
using Sparekey.Engine.Webhooks;
using Sparekey.Server.Dialects.Dfns;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Dialects.LoginId;
using Sparekey.Server.Dialects.Passbolt;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Hosting;

/// <summary>A running server over an open installation.</summary>
internal sealed partial class SparekeyServer : IAsyncDisposable
{
    private readonly Installation _installation;
    private readonly TelemetryExport? _telemetry;

    private SparekeyServer(WebApplication app, Installation installation, TelemetryExport? telemetry)
    {
        App = app;
        _installation = installation;
        _telemetry = telemetry;
    }

    /// <summary>The web application.</summary>
    public WebApplication App { get; }

    /// <summary>The open installation.</summary>
    public Installation Installation => _installation;

    /// <summary>Sends the metrics and traces that are not sent yet.</summary>
    public void FlushTelemetry() => _telemetry?.Flush();

    /// <summary>Opens the installation and starts to listen.</summary>
    /// <param name="options">What to start with.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DataDirectoryException">Another process has the directory.</exception>
    public static async Task<SparekeyServer> Start(ServerOptions options, CancellationToken cancellationToken)
    {
        using var startLog = LoggerFactory.Create(log => AddLogging(log, options));
        var log = startLog.CreateLogger<Installation>();
        var installation = options.Shared is { } shared
            ? await Installation.Open(shared, options.Time, log, cancellationToken)
            : await Installation.Open(options.Data, options.Time, log, cancellationToken);
        WebApplication? app = null;
        TelemetryExport? telemetry = null;
        try
        {
            var socket = new LocalSocket(installation.Files.SocketFile);
            app = Build(options, installation, socket);
            // A command that serves nobody says nothing about where the server is reached.
            var application = app.Services.GetRequiredService<EnsureDefaultApplication>();
            await (options.Urls.Count > 0
                ? application.Run(TenantId.Default, options.Origin, cancellationToken)
                : application.RunIfMissing(TenantId.Default, options.Origin, cancellationToken));
            if (options is { Slack: { } slack, Urls.Count: > 0 })
            {
                await SlackSettings.Apply(app.Services, slack, cancellationToken);
            }

            await WriteBootstrapToken(app, installation, cancellationToken);
            telemetry = options is { Telemetry: { } collector, Urls.Count: > 0 } ? TelemetryExport.Start(collector, app.Services) : null;
            await app.StartAsync(cancellationToken);
            socket.Open();
            return new SparekeyServer(app, installation, telemetry);
        }
        catch
        {
            telemetry?.Dispose();
            if (app is not null)
            {
                await app.DisposeAsync();
            }

            await installation.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await App.StopAsync(CancellationToken.None);
        _telemetry?.Dispose(); // After the last request, so that it is told too.
        await App.DisposeAsync();
        // Before the lock is given up: afterwards the file of that name may be the next process's.
        File.Delete(_installation.Files.SocketFile);
        await _installation.DisposeAsync();
    }

    private static WebApplication Build(ServerOptions options, Installation installation, LocalSocket socket)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ContentRootPath = AppContext.BaseDirectory,
            // Nothing in the environment may switch on pages that show exceptions.
            EnvironmentName = Environments.Production,
        });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        AddLogging(builder.Logging, options);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options, socket));
        builder.Services.AddSingleton<TimeProvider>(
            services => new SteadyClock(options.Time, services.GetRequiredService<ILogger<SteadyClock>>()));
        builder.Services.AddSingleton(installation);
        builder.Services.AddSingleton(new AnswerBeat(options.AnswerBeat));
        builder.Services.AddSingleton<OriginCheck>();
        builder.Services.AddSingleton<PageSession>();
        builder.Services.AddSingleton(
            services => new SourceLimiter(options.CallsPerMinute, services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSparekeyEngine(
            new EngineOptions(installation.Database, installation.Keys, options.Origin)
            {
                Passwords = options.Passwords,
                Mail = options.Mail,
                Phone = options.Phone,
                Egress = options.Egress,
                Escrow = options.Escrow,
                EscrowKeys = options.EscrowKeys,
                EscrowMails = options.EscrowMails,
                Companion = options.Urls.Count > 0 ? options.Companion : null,
                SharedKeyFile = installation.IsShared ? installation.KeyFile : null,
            });
        if (options.Hashing is { } hashing)
        {
            builder.Services.AddSingleton(_ => hashing);
        }

        builder.Services.AddLoginId(options.LoginId);
        builder.Services.AddCryptlex(options.Cryptlex);
        if (installation.IsShared)
        {
            // First, so that no work begins under keys that other processes do not hold; it ends last.
            builder.Services.AddHostedService(services => services.GetRequiredService<FollowKeyFile>());
        }

        builder.Services.AddHostedService(services => services.GetRequiredService<Housekeeping>());
        builder.Services.AddHostedService(services => services.GetRequiredService<DeliverMessages>());
        builder.Services.AddHostedService(services => services.GetRequiredService<TellWebhooks>());
        builder.Services.AddHostedService(services => services.GetRequiredService<TellSlack>());
        builder.Services.AddHostedService(services => services.GetRequiredService<ContinueRotations>());
        builder.Services.AddHostedService(services => services.GetRequiredService<AnswerReadyEscrows>());
        if (options is { Companion: not null, Urls.Count: > 0 })
        {
            builder.Services.AddHostedService(services => services.GetRequiredService<PassboltCompanion>());
        }

        if (options is { Telemetry: not null, Urls.Count: > 0 })
        {
            builder.Services.AddHostedService<Backlog>();
        }

        builder.Services.AddDfns(options.Dfns);
        builder.Services.AddKratos(options.Kratos);
        builder.Services.AddPassbolt(options.Passbolt);
        builder.Services.AddSparekeyOpenApi();
        builder.Services.Configure<RouteHandlerOptions>(route => route.ThrowOnBadRequest = true);
        builder.Services.ConfigureHttpJsonOptions(json => WireJson.CopyTo(json.SerializerOptions));
        var app = builder.Build();
        UseForwardedHeaders(app, options);
        if (options.Telemetry is not null)
        {
            app.UseMiddleware<RequestSpan>();
        }

        app.UseMiddleware<EdgeMiddleware>();
        app.UseRouting();
        app.UseMiddleware<CrossOriginMiddleware>();
        app.UseMiddleware<AccessMiddleware>();
        Doors.Map(app);
        options.MoreDoors?.Invoke(app);
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options, LocalSocket socket)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;

        // Bodies and answers that crawl are ended by the server's own limit, 240 bytes a second after five; headers by this.
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        foreach (var url in options.Urls)
        {
            ListenAddress.Parse(url).Open(kestrel, options.Certificate);
        }

        socket.Listen(kestrel);
    }

    private static void UseForwardedHeaders(WebApplication app, ServerOptions options)
    {
        if (options.Proxies.Count == 0)
        {
            return;
        }

        var forwarded = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            // Read from the right as long as a known proxy wrote it, however many stand in a row.
            ForwardLimit = null,
        };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in options.Proxies)
        {
            forwarded.KnownIPNetworks.Add(proxy);
        }

        app.UseForwardedHeaders(forwarded);
    }

    private static void AddLogging(ILoggingBuilder log, ServerOptions options)
    {
        log.SetMinimumLevel(LogLevel.Information);
        log.AddFilter("Microsoft", LogLevel.Warning);
        log.AddFilter("System", LogLevel.Warning);

        // It would put the path of every request into the scope of every line, and people paste secrets into paths.
        log.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        if (options.Log is { } provider)
        {
            log.AddProvider(provider);
        }
        else
        {
            log.AddJsonConsole(console => console.IncludeScopes = true);

            // Standard output belongs to the answers of commands.
            log.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
                console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        }
    }

    private static async Task WriteBootstrapToken(WebApplication app, Installation installation, CancellationToken cancellationToken)
    {
        // Beside a shared database another process may be writing its own: only the one whose token exists gets the name.
        var file = installation.Files.BootstrapTokenFile;
        var written = installation.IsShared ? $"{file}.{Environment.ProcessId}" : file;
        var made = await app.Services.GetRequiredService<Bootstrap>().Run(
            token => PrivateFile.Replace(written, System.Text.Encoding.ASCII.GetBytes(token.Reveal() + "\n")), cancellationToken);
        if (made)
        {
            File.Move(written, file, overwrite: true);
            LogBootstrap(app.Logger, file);
        }
        else if (installation.IsShared)
        {
            File.Delete(written);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "A first access token, good for 24 hours, is in {File}")]
    private static partial void LogBootstrap(ILogger logger, string file);
}
