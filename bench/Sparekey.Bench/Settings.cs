namespace Sparekey.Bench;

/// <summary>What is measured, and for how long.</summary>
internal sealed class Settings
{
    private const string Usage =
        """
        bench/run [--quick] [--large] [--only PARTS] [--engines ENGINES] [--server FILE] [--results FILE]
          --quick     a second for each figure, and growth to 100 000 instead of a million
          --large     growth to ten million
          --only      of floors,operations,peers,growth,start,hot,profile, with commas between
                      (hot: minting and redeeming alone; profile: where their time goes, into bench/profiles)
          --engines   of sqlite,postgres, with commas between
          --server    another build of the server than that of this source
          --results   where the table is written
        """;

    private static readonly string[] Parts = ["floors", "operations", "peers", "growth", "start"];

    /// <summary>Whether it is done in a hurry.</summary>
    public bool Quick { get; private set; }

    /// <summary>How many recoveries there are in the end.</summary>
    public int Grown { get; private set; } = 1_000_000;

    /// <summary>Which parts run.</summary>
    public IReadOnlyCollection<string> Only { get; private set; } = Parts;

    /// <summary>Which engines are measured.</summary>
    public IReadOnlyCollection<string> Engines { get; private set; } = ["sqlite", "postgres"];

    /// <summary>Where the table is written; null for nowhere but the console.</summary>
    public string? Results { get; private set; }

    /// <summary>How long one figure is measured.</summary>
    public TimeSpan Length => TimeSpan.FromSeconds(Quick ? 1 : 5);

    /// <summary>Clients at a time.</summary>
    public static IReadOnlyList<int> Clients { get; } = [1, 8, 64];

    /// <summary>The root of the source.</summary>
    public string Root { get; } = FindRoot();

    /// <summary>The built server.</summary>
    public string Server { get; private set; }

    /// <summary>The folder of the floors.</summary>
    public string Floors => Path.Combine(Root, "bench", "floors");

    private Settings() => Server = Path.Combine(Root, "src", "Sparekey.Server", "bin", "Release", "net10.0", "sparekey");

    /// <summary>Reads the command line; null after it said how it is to be.</summary>
    /// <param name="args">The command line.</param>
    public static Settings? Read(IReadOnlyList<string> args)
    {
        var settings = new Settings();
        for (var i = 0; i < args.Count; i++)
        {
            switch (args[i], i + 1 < args.Count)
            {
                case ("--quick", _):
                    (settings.Quick, settings.Grown) = (true, Math.Min(settings.Grown, 100_000));
                    break;
                case ("--large", _):
                    settings.Grown = 10_000_000;
                    break;
                case ("--only", true):
                    settings.Only = args[++i].Split(',');
                    break;
                case ("--engines", true):
                    settings.Engines = args[++i].Split(',');
                    break;
                case ("--server", true):
                    settings.Server = Path.GetFullPath(args[++i]);
                    break;
                case ("--results", true):
                    settings.Results = args[++i];
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return null;
            }
        }

        if (settings.Only.Except([.. Parts, "hot", "profile"]).Concat(settings.Engines.Except(["sqlite", "postgres"])).Any())
        {
            Console.Error.WriteLine(Usage);
            return null;
        }

        return settings;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Sparekey.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Run it within the source of Sparekey.");
        }

        return folder;
    }
}
