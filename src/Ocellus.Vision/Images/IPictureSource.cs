namespace Ocellus.Vision.Images;

/// <summary>Pictures by index, as the bytes of their files.</summary>
public interface IPictureSource
{
    int Count { get; }

    byte[] Read(int index);
}
