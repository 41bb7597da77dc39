using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Sparekey.Bench.Identity;

// ASP.NET Core Identity's own way back into an account, as its documentation shows it, with a row of audit for every step: the row and
// what it tells of are durable when the answer leaves, as they are in Sparekey.
// usage: identity-peer CONNECTION PORT
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls($"http://127.0.0.1:{args[1]}");
builder.Services.AddDbContextPool<PeerContext>(o => o.UseNpgsql(args[0]));
builder.Services.AddDataProtection();
builder.Services.AddIdentityCore<IdentityUser>().AddEntityFrameworkStores<PeerContext>().AddDefaultTokenProviders();
var app = builder.Build();
await using (var scope = app.Services.CreateAsyncScope())
{
    await scope.ServiceProvider.GetRequiredService<PeerContext>().Database.EnsureCreatedAsync();
}

app.MapGet("/healthz", () => Results.Ok());
app.MapPost("/accounts", async (Who body, UserManager<IdentityUser> users) =>
    (await users.CreateAsync(new IdentityUser(body.Email) { Email = body.Email, EmailConfirmed = true })).Succeeded
        ? Results.StatusCode(201)
        : Results.BadRequest());

// The token is stateless: what is written is the audit's row alone.
app.MapPost("/forgot", async (Who body, UserManager<IdentityUser> users, PeerContext db) =>
{
    if (await users.FindByEmailAsync(body.Email) is not { } user)
    {
        return Results.NotFound();
    }

    var token = await users.GeneratePasswordResetTokenAsync(user);
    db.Audit.Add(AuditRow.Of("reset_requested", user.Id));
    await db.SaveChangesAsync();
    return Results.Json(new Reset(body.Email, token, ""), statusCode: 201);
});

// What comes nearest to redeeming: the token is looked at, and nothing is hashed.
app.MapPost("/verify", async (Reset body, UserManager<IdentityUser> users, PeerContext db) =>
{
    if (await users.FindByEmailAsync(body.Email) is not { } user
        || !await users.VerifyUserTokenAsync(
            user, users.Options.Tokens.PasswordResetTokenProvider, UserManager<IdentityUser>.ResetPasswordTokenPurpose, body.Token))
    {
        return Results.Unauthorized();
    }

    db.Audit.Add(AuditRow.Of("reset_verified", user.Id));
    await db.SaveChangesAsync();
    return Results.Ok();
});
app.MapPost("/reset", async (Reset body, UserManager<IdentityUser> users, PeerContext db) =>
{
    if (await users.FindByEmailAsync(body.Email) is not { } user)
    {
        return Results.Unauthorized();
    }

    await using var transaction = await db.Database.BeginTransactionAsync();
    db.Audit.Add(AuditRow.Of("password_reset", user.Id));
    if (!(await users.ResetPasswordAsync(user, body.Token, body.Password)).Succeeded)
    {
        return Results.Unauthorized();
    }

    await transaction.CommitAsync();
    return Results.Ok();
});
await app.RunAsync();
