using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine;

/// <summary>Registers use cases, which are public doors in front of internal rooms.</summary>
internal static class UseCases
{
    /// <summary>
    /// Registers a class by its only constructor, public or not: the container itself sees public ones alone, and a public
    /// constructor would make every store public with it.
    /// </summary>
    /// <param name="services">The services.</param>
    public static IServiceCollection AddUseCase<T>(this IServiceCollection services)
        where T : class
    {
        var constructor = typeof(T).GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Single();
        var parameters = constructor.GetParameters().Select(p => p.ParameterType).ToArray();
        return services.AddSingleton(
            provider => (T)constructor.Invoke([.. parameters.Select(provider.GetRequiredService)]));
    }
}
