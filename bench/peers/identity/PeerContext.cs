using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace Sparekey.Bench.Identity;

/// <summary>Whose account.</summary>
/// <param name="Email">The address.</param>
internal sealed record Who(string Email);

/// <summary>A reset.</summary>
/// <param name="Email">The address.</param>
/// <param name="Token">The token.</param>
/// <param name="Password">The new password.</param>
internal sealed record Reset(string Email, string Token, string Password);

/// <summary>A row of audit, about as long as an entry of Sparekey's ledger.</summary>
public sealed class AuditRow
{
    /// <summary>Its id.</summary>
    public Guid Id { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>What happened.</summary>
    public string Event { get; set; } = "";

    /// <summary>To whom.</summary>
    public string UserId { get; set; } = "";

    /// <summary>The rest, as JSON.</summary>
    public string Body { get; set; } = "";

    /// <summary>Makes one.</summary>
    /// <param name="happened">What happened.</param>
    /// <param name="user">To whom.</param>
    public static AuditRow Of(string happened, string user) => new()
    {
        Id = Guid.NewGuid(),
        At = TimeProvider.System.GetUtcNow(),
        Event = happened,
        UserId = user,
        Body = JsonSerializer.Serialize(new { happened, user, source = "127.0.0.1", facts = new string('x', 350) }),
    };
}

/// <summary>Identity's tables and the audit.</summary>
/// <param name="options">The database.</param>
public sealed class PeerContext(DbContextOptions<PeerContext> options) : IdentityUserContext<IdentityUser>(options)
{
    /// <summary>The audit.</summary>
    public DbSet<AuditRow> Audit => Set<AuditRow>();
}
